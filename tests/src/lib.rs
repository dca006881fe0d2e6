//! The harness: a home of its own for every test, helpers that do as a script says, and a client that calls as Claude Code
//! does. What the battery needs of it, too, is in `claude-credential-battery`.
//!
//! Everything is tested as processes, from outside. Nothing here asserts how long something took.
#![expect(clippy::missing_panics_doc, reason = "a harness panics: that is how a test fails")]
#![expect(clippy::must_use_candidate, reason = "an assertion may be called for its failure alone")]

pub mod aws;
mod build;
mod client;
pub mod cloud;
pub mod document;
mod expired;
mod fake;
mod git;
pub mod google;
pub mod oauth;
pub mod real_client;
mod sandbox;
pub mod script;
mod skip;

pub use build::{cargo, executable, static_executable, workspace};
pub use claude_credential_battery::{
    Answer, Call, Canary, Input, Output, Running, label, process, request, wait_until,
};
pub use client::Client;
pub use expired::{Expired, waits_for};
pub use fake::{Fake, log_of};
pub use git::git_knows_more;
pub use sandbox::Sandbox;
pub use skip::{long_tests, skip, tool};
