//! What is asked of the operating system.

use std::io::{self, IsTerminal};

use rustix::process::{Resource, Rlimit, setrlimit};

/// Refuses core dumps for this process and its children: a core file would hold every secret that we hold.
pub fn forbid_core_dumps() {
    // A limit can always be lowered; where a sandbox forbids even that, there is nothing else to do.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

/// The longest line that a terminal hands over, without its end: it cuts the rest off and says nothing (termios(3), on
/// canonical mode).
#[cfg(target_os = "linux")]
const MAX_LINE: usize = 4095;
#[cfg(not(target_os = "linux"))]
const MAX_LINE: usize = 1023;

/// Whether the terminal cut a line of stdin, which must not be used then: the end of a key or of an address is missing. A
/// line of exactly that length counts as cut.
#[must_use]
pub fn is_cut_by_terminal(line: &[u8]) -> bool {
    line.trim_ascii_end().len() >= MAX_LINE && io::stdin().is_terminal()
}
