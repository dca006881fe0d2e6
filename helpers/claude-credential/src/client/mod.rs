//! How Claude Code is set up: its variables, the cloud that it uses, and where it sends its requests.

pub(crate) mod cloud;
pub(crate) mod destination;
pub(crate) mod environment;
pub(crate) mod mode;
pub(crate) mod service;
pub(crate) mod trust;
