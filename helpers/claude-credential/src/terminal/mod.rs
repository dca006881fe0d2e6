//! Output on the terminal: the log, the progress line, and the screens of commands.

pub(crate) mod log;
pub(crate) mod progress;
pub(crate) mod screen;
