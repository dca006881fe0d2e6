//! What `/proc` says about processes.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held while an executable is written and while a program is started. A child of another thread that is just being
/// started has every open file until it is another program, and what somebody writes nobody may run ("text file busy").
pub fn starting() -> MutexGuard<'static, ()> {
    static STARTING: Mutex<()> = Mutex::new(());
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The command line of a process, its arguments ended by NUL; empty where it is gone.
#[must_use]
pub fn command_line(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// The process itself and all that descend from it at this moment.
#[must_use]
pub fn family(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(children(parent));
        next += 1;
    }
    found
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
}

/// The process that started `pid`.
#[must_use]
pub fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether it runs. One that nobody has waited for yet does not.
#[must_use]
pub fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with(['Z', 'X']))
}

/// How many of them wait for a lock on a file.
#[must_use]
pub fn waiting_for_locks(pids: &[u32]) -> usize {
    let Ok(locks) = fs::read_to_string("/proc/locks") else { return 0 };
    let waiting = locks.lines().filter(|line| line.contains("-> ")).filter_map(|line| line.split_whitespace().nth(5));
    waiting.filter_map(|pid| pid.parse().ok()).filter(|pid| pids.contains(pid)).count()
}
