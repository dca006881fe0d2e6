//! The helper for Amazon Bedrock: what Claude Code's `awsCredentialExport` prints, a Bedrock API key, and the whole of
//! AWS's standard chain.

mod asked;
mod aws;
mod bedrock;
mod command;
mod document;
mod keys;
mod people;
mod profile;
mod sources;
mod terminal;

fn main() -> std::process::ExitCode {
    claude_credential_protocol::main::<bedrock::Bedrock>()
}
