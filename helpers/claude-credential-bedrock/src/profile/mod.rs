//! AWS's own configuration: its files, and what a profile in them leads to.

mod command;
mod files;
mod ini;
mod plan;
mod sso;

pub(crate) use command::{line, option};
pub(crate) use files::Profiles;
pub(crate) use ini::DEFAULT;
pub(crate) use plan::{Base, Plan, Role, WebIdentity};
pub(crate) use sso::Sso;
