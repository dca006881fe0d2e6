//! What a user sees on the terminal.

pub(crate) mod log;
pub(crate) mod progress;
pub(crate) mod screen;
