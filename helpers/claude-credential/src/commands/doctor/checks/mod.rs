//! The checks, one function each; those of one noun share a file.

pub(super) mod answer;
pub(super) mod commands;
pub(super) mod config;
pub(super) mod credentials;
pub(super) mod files;
pub(super) mod folders;
pub(super) mod installation;
pub(super) mod keychain;
pub(super) mod live;
pub(super) mod locks;
pub(super) mod managed;
pub(super) mod settings;
pub(super) mod time;

// What every check needs.
use super::check_context::{CheckContext, Probe};
use super::finding::{Finding, or_good};
use super::spawn;
