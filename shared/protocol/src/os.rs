//! What is asked of the operating system.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Refuses core dumps for this process and its children: a core file would hold every secret that we hold.
pub fn forbid_core_dumps() {
    // A limit can always be lowered; where a sandbox forbids even that, there is nothing else to do.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}
