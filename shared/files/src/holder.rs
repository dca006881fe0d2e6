//! The process that holds a lock.

use std::path::Path;
use std::{fmt, fs};

/// The ID of the process that holds the lock on a file, found in /proc; `None` where the system has none, or another
/// user's process holds it. A process that waits for the lock has the file open, too.
#[must_use]
pub fn lock_holder(path: &Path) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.find(|pid| holds(*pid, path))
}

fn holds(pid: u32, path: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let of_file = open.filter(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|target| target == path));
    let mut infos = of_file.filter_map(|descriptor| {
        fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", descriptor.file_name().to_str()?)).ok()
    });
    infos.any(|info| info.lines().any(|line| line.starts_with("lock:") && !line.contains("->")))
}

/// A process that holds a lock for too long.
#[derive(Debug, Clone)]
pub struct Holder {
    pid: Option<u32>,
    is_stopped: bool,
}

impl Holder {
    pub(crate) fn of(path: &Path) -> Self {
        let pid = lock_holder(path);
        let status = pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok()).unwrap_or_default();
        let state = status.lines().find_map(|line| line.strip_prefix("State:")).unwrap_or_default();
        Self { pid, is_stopped: state.trim_start().starts_with(['T', 't']) }
    }

    /// What lets a stopped one go on.
    #[must_use]
    pub fn mend(&self) -> Option<String> {
        self.pid.filter(|_| self.is_stopped).map(|pid| format!("run: kill -CONT {pid}"))
    }
}

/// Reads well after "held by".
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) if self.is_stopped => write!(f, "process {pid}, which is stopped"),
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}
