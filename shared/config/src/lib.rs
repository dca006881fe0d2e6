//! The user's configuration, Claude Code's settings files, and where our folders are.
#![warn(missing_docs)]

pub mod claude;
pub mod cloud;
mod environment;
mod folders;
pub mod generation;
mod index;
pub mod kept;
mod key_store;
mod load;
pub mod logins;
mod model;
mod os;
mod provider;
mod suite;

pub use environment::Environment;
pub use folders::Folders;
pub use key_store::KeyStore;
pub use model::{ClaudeLogin, Config, Entry, Profile, Program, is_name};
pub use provider::{
    ClientAssertion, ClientAuthentication, Flow, Provider, TokenKind, TokenSource, ValueSource, is_endpoint,
};
pub use suite::{SourceContext, Suite};
