//! What differs between operating systems, and what is asked of them.

use std::sync::OnceLock;

/// The folder that has the open descriptors of this process, by number.
#[cfg(target_os = "linux")]
pub(crate) const DESCRIPTORS: &str = "/proc/self/fd";
#[cfg(not(target_os = "linux"))]
pub(crate) const DESCRIPTORS: &str = "/dev/fd";

/// The user whom this process acts for. Asked once, since a process does not change it.
pub(crate) fn own_uid() -> u32 {
    static UID: OnceLock<u32> = OnceLock::new();
    *UID.get_or_init(|| rustix::process::geteuid().as_raw())
}
