//! The wire, the credential and the helper trait of claude-credential.
//!
//! `protocol.md` at the top of the project is the normative text; this crate is the only code that knows it.
//! A helper is a struct of options that implements [`Helper`] and [`HelperCli`], and a `main` of one line:
//!
//! ```no_run
//! use claude_credential_protocol::{Auth, Credential, Error, Helper, HelperCli, NoCommands, Request};
//!
//! /// Answers with the key of the house, to its own host.
//! #[derive(Debug, clap::Args)]
//! struct House {}
//!
//! impl Helper for House {
//!     fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
//!         if request.origin() != "https://api.anthropic.com" || request.username.is_some() {
//!             return Ok(None);
//!         }
//!         Ok(Some(Credential::new(Auth::ApiKey("the key".to_owned().into()))))
//!     }
//! }
//!
//! impl HelperCli for House {
//!     const NAME: &'static str = "claude-credential-house";
//!     type Commands = NoCommands;
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     claude_credential_protocol::main::<House>()
//! }
//! ```
#![warn(missing_docs)]

mod account;
mod auth;
mod base_url;
mod cli;
mod credential;
mod error;
mod header;
mod helper;
mod origin;
mod os;
mod print;
mod request;
mod secret;
pub mod text;
mod time;
mod token;
mod wire;

pub use account::{NO_ACCOUNT, parse_account, shown_account};
pub use auth::{Auth, Kind};
pub use base_url::BaseUrl;
pub use cli::{HelperCli, NoCommands, main, print_usage, report_panics};
pub use credential::Credential;
pub use error::{Class, Error};
pub use helper::{Helper, answer, capability, read, serve};
pub use origin::{NotAnOrigin, Origin};
pub use os::{forbid_core_dumps, is_cut_by_terminal};
pub use print::{
    CLOUD_SWITCHES, CUSTOM_HEADERS, Family, Format, PrintOptions, Shell, Surroundings, Variables, is_on, print,
    print_variables, written,
};
pub use request::{Capabilities, Interactive, Operation, Request};
pub use secret::{Secret, append_wiped};
pub use time::{MAX_EXPIRY, Millis, Seconds, is_past, iso_8601, millis, now};
pub use token::{MAX_TOKEN, TokenProblem, parse_token};
pub use wire::{MAX_LINE, MAX_MESSAGE, Malformed, Message, Problem};
