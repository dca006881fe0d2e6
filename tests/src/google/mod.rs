//! The helper for Vertex in a fixture of its own, and Google's own libraries beside it, which judge what it asks for. To be
//! run in the network of `tests/servers/in-namespace.sh` alone: elsewhere a mistake would ask the real metadata address.

mod case;
mod files;
mod fixture;

pub use case::{Case, refused, run, token};
pub use files::WORKFORCE;
pub use fixture::{Fixture, HOST, Question};
