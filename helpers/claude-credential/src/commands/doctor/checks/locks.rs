use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_credential_files::{Lock, lock_holder};

use super::files::all_below;
use super::{CheckContext, Finding, or_good};
use crate::os::Process;

/// Longer than a process holds a lock for a sign-in in a browser. It holds any other for seconds.
const LONGEST: Duration = Duration::from_mins(6);

/// A process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LockHolder {
    pid: u32,
    name: String,
    /// For how long it has run. It has held the lock no longer.
    age: Duration,
    is_stopped: bool,
}

/// No process that hangs holds a lock. A lock is freed when its process ends, so one that is held for long is a sign of
/// that.
pub(in super::super) fn held(check_context: &CheckContext) -> Vec<Finding> {
    let folders = &check_context.context.folders;
    let files = all_below(&folders.runtime).into_iter().chain(all_below(&folders.data));
    let locks: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending == "lock")).collect();
    let held: Vec<&PathBuf> = locks.iter().filter(|path| matches!(Lock::try_acquire(path), Ok(None))).collect();
    let holders: Vec<(&PathBuf, LockHolder)> =
        held.iter().filter_map(|path| Some((*path, describe(lock_holder(path)?)?))).collect();
    let stale = holders.iter().filter_map(|(path, holder)| check_holder(path, holder));
    or_good(stale.collect(), || format!("{} in all, {} held", locks.len(), held.len()))
}

fn check_holder(path: &Path, holder: &LockHolder) -> Option<Finding> {
    let LockHolder { pid, name, age, is_stopped } = holder;
    let path = path.display();
    if *is_stopped {
        let message = format!("{path} is held by process {pid} ({name}), which is stopped");
        return Some(Finding::wrong(message, format!("run: kill -CONT {pid}")));
    }
    (*age > LONGEST).then(|| {
        let minutes = age.as_secs() / 60;
        let message = format!("{path} is held by process {pid} ({name}), which has run for {minutes} minutes");
        Finding::wrong(message, format!("run: kill {pid}"))
    })
}

fn describe(pid: u32) -> Option<LockHolder> {
    let process = Process::read(&pid.to_string())?;
    Some(LockHolder { pid, age: process.age()?, is_stopped: process.is_stopped(), name: process.name })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{LockHolder, check_holder, describe};

    #[test]
    fn a_lock_is_stale_when_its_process_is_stopped_or_has_run_for_long() {
        let holder =
            |age, is_stopped| LockHolder { pid: 7, name: "x".to_owned(), age: Duration::from_secs(age), is_stopped };
        let mend = |holder: &LockHolder| check_holder(Path::new("/a.lock"), holder).and_then(|finding| finding.mend);
        assert_eq!(mend(&holder(20, false)), None);
        assert_eq!(mend(&holder(20, true)), Some("run: kill -CONT 7".to_owned()));
        assert_eq!(mend(&holder(600, false)), Some("run: kill 7".to_owned()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_described_by_what_the_kernel_says() {
        let us = describe(std::process::id()).unwrap();
        assert!(!us.is_stopped && us.age < Duration::from_hours(1), "{us:?}");
    }
}
