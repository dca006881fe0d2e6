//! Claude Code itself, as published, and a stand-in for the API that it talks to.

mod api;
mod claude;
mod message;

pub use api::{API_HOST, Api, Sent};
pub use claude::RealClient;
