//! What is different on each operating system.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::{IntoRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Ticks a second in the kernel's start time of a process: the same on every Linux (`USER_HZ`, time(7)).
const TICKS: u64 = 100;

/// Opens /dev/null for a missing stdin, stdout or stderr: otherwise the next file that is opened would get its number,
/// and output would go into that file.
#[cfg(all(not(test), target_os = "linux", target_env = "gnu"))]
pub(crate) fn open_missing_streams() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::stdio::{stderr, stdin, stdout};

    let mut streams = [stdin(), stdout(), stderr()].map(|stream| PollFd::from_borrowed_fd(stream, PollFlags::empty()));
    let _ = poll(&mut streams, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    for _ in streams.iter().filter(|stream| stream.revents().contains(PollFlags::NVAL)) {
        // The file gets the lowest free number, which is that of the first missing stream, and is never closed.
        let _ = std::fs::File::options().read(true).write(true).open("/dev/null").map(IntoRawFd::into_raw_fd);
    }
}

/// The number of a descriptor that the program which takes our place inherits, and that gives `bytes`. A file in memory
/// can be read again by its name, /dev/fd/NUMBER; where the system has none, a pipe gives them once.
pub(crate) fn descriptor_with(bytes: &[u8]) -> std::io::Result<RawFd> {
    #[cfg(target_os = "linux")]
    let file = {
        use std::io::Seek;

        let file = rustix::fs::memfd_create("key", rustix::fs::MemfdFlags::empty())?;
        let mut file = fs::File::from(file);
        file.write_all(bytes)?;
        file.rewind()?;
        file
    };
    #[cfg(not(target_os = "linux"))]
    let file = {
        let (reader, mut writer) = std::io::pipe()?;
        writer.write_all(bytes)?;
        rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty())?;
        std::os::fd::OwnedFd::from(reader)
    };
    Ok(file.into_raw_fd())
}

/// The namespace of process IDs: in another one, the same ID means another process. Empty if the system has none.
pub(crate) fn pid_namespace() -> PathBuf {
    fs::read_link("/proc/self/ns/pid").unwrap_or_default()
}

/// The executable that a process runs.
pub(crate) fn executable(pid: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/exe")).ok()
}

/// A process, as `/proc/PID/stat` describes it (proc(5)).
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    state: String,
    pub(crate) parent: String,
    /// When it started, in ticks since the system did.
    pub(crate) started: u64,
}

impl Process {
    pub(crate) fn read(pid: &str) -> Option<Self> {
        let stat = first_read(&format!("/proc/{pid}/stat"))?;
        // The second field is a name in parentheses that may hold anything; the third field begins after its end.
        let (name, fields) = stat.split_once('(')?.1.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number).map(|field| (*field).to_owned());
        Some(Self { name: name.to_owned(), state: field(0)?, parent: field(1)?, started: field(19)?.parse().ok()? })
    }

    /// Whether it was stopped by a signal or by a debugger.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.state.as_str(), "T" | "t")
    }

    pub(crate) fn age(&self) -> Option<Duration> {
        let uptime: u64 = first_read("/proc/uptime")?.split('.').next()?.parse().ok()?;
        Some(Duration::from_secs(uptime.saturating_sub(self.started / TICKS)))
    }
}

/// The text that one read gives: the kernel generates the whole of such a file for each read.
fn first_read(path: &str) -> Option<String> {
    let mut bytes = [0; 1024];
    let read = fs::File::open(path).and_then(|mut file| file.read(&mut bytes)).ok()?;
    Some(String::from_utf8_lossy(&bytes[..read]).into_owned())
}

/// The number of the file system that holds `folder`; 0 if the system has none.
#[cfg(target_os = "linux")]
pub(crate) fn file_system_number(folder: &Path) -> u64 {
    rustix::fs::statfs(folder).map_or(0, |system| system.f_type.cast_unsigned())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn file_system_number(_: &Path) -> u64 {
    0
}
