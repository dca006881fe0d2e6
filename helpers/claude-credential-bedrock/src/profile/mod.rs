//! AWS's own configuration: its files, and what a profile in them leads to.

mod files;
mod plan;
mod sso;

pub(crate) use files::Profiles;
pub(crate) use plan::{Base, Plan, Role};
pub(crate) use sso::{Sso, login};

/// The profile that is meant where none is named.
pub(crate) const DEFAULT: &str = "default";
