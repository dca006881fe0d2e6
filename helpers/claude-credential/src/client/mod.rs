//! How Claude Code is set up: its variables, and the cloud that it uses.

pub(crate) mod cloud;
pub(crate) mod environment;
pub(crate) mod mode;
