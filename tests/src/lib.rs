//! The harness: a home of its own for every test, helpers that do as a script says, a client that calls as Claude Code
//! does, and the battery that every helper passes.
//!
//! Everything is tested as processes, from outside. Nothing here asserts how long something took.
#![expect(clippy::missing_panics_doc, reason = "a harness panics: that is how a test fails")]
#![expect(clippy::must_use_candidate, reason = "an assertion may be called for its failure alone")]

mod answer;
pub mod aws;
pub mod battery;
mod build;
mod call;
mod canary;
mod client;
pub mod cloud;
pub mod document;
mod expired;
mod fake;
mod git;
pub mod google;
pub mod oauth;
mod output;
pub mod process;
mod sandbox;
pub mod script;
mod skip;

pub use answer::{Answer, request};
pub use build::{cargo, executable, static_executable, workspace};
pub use call::{Call, Input, Running, wait_until};
pub use canary::{Canary, label};
pub use client::Client;
pub use expired::{Expired, waits_for};
pub use fake::{Fake, log_of};
pub use git::git_knows_more;
pub use output::Output;
pub use sandbox::Sandbox;
pub use skip::{long_tests, skip, tool};
