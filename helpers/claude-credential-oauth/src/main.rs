//! The helper for OAuth access tokens: an OAuth 2.0 client for the providers that the user configures; what the client's
//! variables and descriptors hold; and, where the user wants it, the login that Claude Code stored, which is never
//! refreshed here.

mod assertion;
mod browser;
mod client;
mod discovery;
mod flows;
mod jwt;
mod keeping;
mod loopback;
mod oauth;
mod people;
mod refresh;
mod sources;
#[cfg(test)]
mod tests;
mod tokens;
mod vault;

fn main() -> std::process::ExitCode {
    claude_credential_protocol::main::<oauth::Oauth>()
}
