//! The helper for OAuth access tokens: what the client's variables and descriptors hold, and, where the user wants it,
//! the login that Claude Code stored. It signs in nowhere and refreshes nothing.

mod oauth;
mod sources;
#[cfg(test)]
mod tests;

fn main() -> std::process::ExitCode {
    claude_credential_protocol::main::<oauth::Oauth>()
}
