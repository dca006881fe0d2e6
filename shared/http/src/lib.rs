//! One HTTP request: its deadline, and nothing followed, kept or believed beyond it.
//!
//! For helpers alone: it links TLS and an async runtime.
#![warn(missing_docs)]

mod answer;
mod call;
mod client;
mod error;

pub use answer::Answer;
pub use call::{Body, Call};
