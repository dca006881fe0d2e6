//! Sends one HTTP request with a deadline, follows no redirect and keeps no state.
//!
//! Only helpers use it: it links TLS and an async runtime.
#![warn(missing_docs)]

mod answer;
mod authorities;
mod call;
mod client;
mod error;
mod os;
mod proxy;

pub use answer::{Answer, clock_ahead};
pub use authorities::{also_trust, authorities, authorities_in};
pub use call::{Body, Call};
pub use client::{Network, runtime};
pub use proxy::check_proxy;
