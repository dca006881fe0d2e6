//! `claude-credential-vertex`.

mod clients;
mod files;
mod machines;
