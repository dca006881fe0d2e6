//! The helper for Bedrock in a fixture of its own, and the table by which it is asked. To be run in the network of
//! `tests/servers/in-namespace.sh` alone: elsewhere a mistake would ask the real metadata address.

mod case;
mod fixture;

pub use case::{Case, Until, aws, bearer, fails, nothing, run};
pub use fixture::{Answered, Fixture, HOST, Sso};
