//! The commands, one module each.

pub(crate) mod api_key_helper;
pub(crate) mod cache;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod explain;
pub(crate) mod external;
pub(crate) mod login;
pub(crate) mod print;
pub(crate) mod refresh;
pub(crate) mod setup;
pub(crate) mod shell;
pub(crate) mod status;
pub(crate) mod wire;
