//! Where tokens come from: one module, one source.

pub(crate) mod claude;
pub(crate) mod descriptor;
pub(crate) mod variable;

use std::path::Path;

use clap::ValueEnum;
use claude_credential_config::{Environment, Folders};
use claude_credential_protocol::Request;

/// What a source is asked, and where.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) config: Option<&'a Path>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// `CLAUDE_CODE_OAUTH_TOKEN`
    Env,
    /// The descriptor that `CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR` names
    Fd,
    /// The login that Claude Code stored, with `[claude] login = "read"` in your config.toml
    Claude,
}

impl Source {
    /// In the product's documented order.
    pub(crate) const ALL: [Self; 3] = [Self::Env, Self::Fd, Self::Claude];
}
