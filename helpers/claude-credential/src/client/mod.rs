//! What Claude Code goes by: its variables, and the cloud that it is set up for.

pub(crate) mod cloud;
pub(crate) mod environment;
pub(crate) mod mode;
