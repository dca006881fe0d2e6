//! The user's configuration, Claude Code's settings files, and where our folders are.
#![warn(missing_docs)]

pub mod claude;
pub mod cloud;
mod environment;
mod folders;
pub mod generation;
pub mod kept;
mod load;
pub mod logins;
mod model;
mod provider;
mod provider_section;

pub use environment::Environment;
pub use folders::Folders;
pub use model::{ClaudeLogin, Config, Entry, KeyStore, Profile, Program, is_name};
pub use provider::{ClientAuthentication, Flow, Provider, TokenSource, ValueSource, is_endpoint};
