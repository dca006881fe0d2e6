//! What differs between operating systems.

use std::os::fd::OwnedFd;

use rustix::process::Pid;

/// How many bytes a pipe takes without blocking once it takes any: `PIPE_BUF`, of which other systems have less.
pub(crate) const PIPE_BUF: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// A descriptor that becomes readable when the process has ended (a pidfd). `None` if the kernel is older than 5.3 or a
/// sandbox forbids it.
#[cfg(target_os = "linux")]
pub(crate) fn exit_descriptor(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

/// `None`: this system has no such descriptor.
#[cfg(not(target_os = "linux"))]
pub(crate) fn exit_descriptor(_: Pid) -> Option<OwnedFd> {
    None
}
