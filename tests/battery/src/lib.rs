//! The battery: what every credential helper passes, in whatever language it is written, and the sandbox that it runs in.
//!
//! `cargo run -p claude-credential-battery -- /path/helper --opts` runs it against a helper. A crate with a helper runs it
//! among its own tests, by [`assert_passes`].
//!
//! A helper is tested as a process, from outside. Nothing here asserts how long something took.
#![expect(clippy::missing_panics_doc, reason = "a harness panics: that is how a test fails")]
#![expect(clippy::must_use_candidate, reason = "an assertion may be called for its failure alone")]

mod answer;
mod call;
mod canary;
mod candidate;
mod cases;
mod exchange;
mod output;
pub mod process;
mod report;
mod run;
mod sandbox;

pub use answer::{Answer, request};
pub use call::{Call, Input, Running, wait_until};
pub use canary::{Canary, label};
pub use candidate::Candidate;
pub use cases::{Case, Group};
pub use output::Output;
pub use run::{Outcome, Report, assert_passes, run};
pub use sandbox::Sandbox;
