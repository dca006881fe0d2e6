//! Sends one HTTP request with a deadline, follows no redirect and keeps no state.
//!
//! Only helpers use it: it links TLS and an async runtime.
#![warn(missing_docs)]

mod answer;
mod call;
mod client;
mod error;

pub use answer::Answer;
pub use call::{Body, Call};
pub use client::{Network, runtime};
