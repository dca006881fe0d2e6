//! The helper for Vertex AI: Google's application default credentials, of every type, made into an access token.

mod answer;
mod engine;
mod external;
mod fields;
mod gcloud;
mod grants;
mod hosts;
mod jwt;
mod metadata;
mod people;
mod project;
mod refusal;
mod sources;
#[cfg(test)]
mod tests;
mod vertex;

fn main() -> std::process::ExitCode {
    claude_credential_protocol::main::<vertex::Vertex>()
}
