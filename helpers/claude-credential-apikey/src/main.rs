//! The helper for API keys: what the client's variables and descriptors hold, what its `apiKeyHelper` setting prints,
//! what a file holds, and a key that we keep.

mod apikey;
mod people;
mod sources;
#[cfg(test)]
mod tests;

fn main() -> std::process::ExitCode {
    claude_credential_protocol::main::<apikey::Apikey>()
}
