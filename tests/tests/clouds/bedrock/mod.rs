//! `claude-credential-bedrock`.

mod botocore;
mod clients;
mod files;
mod machines;
mod profiles;
mod programs;
mod sso;
mod wire;
