//! What differs between operating systems, and what is asked of them.

use std::env;
use std::path::PathBuf;
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

/// The user's home, as `HOME` says.
pub(crate) fn home() -> Option<PathBuf> {
    env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Whether this process is root's because another user called it so. Only the tools that do that tell (sudo(8), doas(1)):
/// root in a home that another number owns is usual in containers.
pub(crate) fn became_root() -> bool {
    let is_other = |name: &str, root: &str| env::var_os(name).is_some_and(|value| !value.is_empty() && value != root);
    own_uid() == 0 && (is_other("SUDO_UID", "0") || is_other("DOAS_USER", "root"))
}
