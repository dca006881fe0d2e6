use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_credential_files::Lock;

use super::super::check_context::CheckContext;
use super::super::finding::{Finding, or_good};
use super::files::all_below;

/// Longer than a sign-in in a browser may take; every other lock is held for seconds.
const LONGEST: Duration = Duration::from_mins(6);

/// In what unit the kernel says when a process began: the same on every Linux (`USER_HZ`, time(7)).
const TICKS: u64 = 100;

/// A process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holder {
    pid: u32,
    name: String,
    /// For how long it has run: the lock it has had for no longer.
    age: Duration,
    is_stopped: bool,
}

/// A lock is freed when its process ends; so one that is held for long is held by a process that hangs.
pub(in super::super) fn held(check_context: &CheckContext) -> Vec<Finding> {
    let folders = &check_context.context.folders;
    let files = all_below(&folders.runtime).into_iter().chain(all_below(&folders.data));
    let locks: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending == "lock")).collect();
    let held: Vec<&PathBuf> = locks.iter().filter(|path| matches!(Lock::try_acquire(path), Ok(None))).collect();
    let holders: Vec<(&PathBuf, Holder)> = held.iter().filter_map(|path| Some((*path, holder(path)?))).collect();
    let stale = holders.iter().filter_map(|(path, holder)| judge(path, holder));
    or_good(stale.collect(), || format!("{} in all, {} held", locks.len(), held.len()))
}

fn judge(path: &Path, holder: &Holder) -> Option<Finding> {
    let Holder { pid, name, age, is_stopped } = holder;
    let path = path.display();
    if *is_stopped {
        let said = format!("{path} is held by process {pid} ({name}), which is stopped");
        return Some(Finding::wrong(said, format!("run: kill -CONT {pid}")));
    }
    (*age > LONGEST).then(|| {
        let minutes = age.as_secs() / 60;
        let said = format!("{path} is held by process {pid} ({name}), which has run for {minutes} minutes");
        Finding::wrong(said, format!("run: kill {pid}"))
    })
}

/// Who holds the lock on a file, as /proc tells: who merely waits for it has the file open, too.
fn holder(path: &Path) -> Option<Holder> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    pids.into_iter().find(|pid| holds(*pid, path)).and_then(described)
}

fn holds(pid: u32, path: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let ours = open.filter(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|leads_to| leads_to == path));
    let mut infos = ours.filter_map(|descriptor| {
        fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", descriptor.file_name().to_str()?)).ok()
    });
    infos.any(|info| info.lines().any(|line| line.starts_with("lock:") && !line.contains("->")))
}

fn described(pid: u32) -> Option<Holder> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: u64 = uptime.split('.').next()?.parse().ok()?;
    // The second field is a name in parentheses that may hold anything; after its end the third one begins.
    let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let started = fields.get(19)?.parse::<u64>().ok()? / TICKS;
    Some(Holder {
        pid,
        name: name.to_owned(),
        age: Duration::from_secs(uptime.saturating_sub(started)),
        is_stopped: matches!(*fields.first()?, "T" | "t"),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::{Holder, described, judge};

    #[test]
    fn a_lock_is_stale_when_its_process_is_stopped_or_has_run_for_long() {
        let holder =
            |age, is_stopped| Holder { pid: 7, name: "x".to_owned(), age: Duration::from_secs(age), is_stopped };
        let mend = |holder: &Holder| judge(Path::new("/a.lock"), holder).and_then(|finding| finding.mend);
        assert_eq!(mend(&holder(20, false)), None);
        assert_eq!(mend(&holder(20, true)), Some("run: kill -CONT 7".to_owned()));
        assert_eq!(mend(&holder(600, false)), Some("run: kill 7".to_owned()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_described_by_what_the_kernel_says() {
        let us = described(std::process::id()).unwrap();
        assert!(!us.is_stopped && us.age < Duration::from_hours(1), "{us:?}");
    }
}
