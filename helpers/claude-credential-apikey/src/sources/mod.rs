//! Where keys come from: one module, one source.

pub(crate) mod descriptor;
pub(crate) mod file;
pub(crate) mod kept;
pub(crate) mod setting;
pub(crate) mod variable;

use clap::ValueEnum;
use claude_credential_config::{Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::Request;

/// What a source is asked, and where.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) active: &'a Active,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// A bearer token in `ANTHROPIC_AUTH_TOKEN`
    AuthToken,
    /// What the `apiKeyHelper` command of Claude Code's user or managed settings prints
    ApiKeyHelper,
    /// `ANTHROPIC_API_KEY`
    Env,
    /// The descriptor that `CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR` names
    Fd,
    /// The key that `login` or `store` gave us to keep
    Kept,
}

impl Source {
    /// In the product's documented order.
    pub(crate) const ALL: [Self; 5] = [Self::AuthToken, Self::ApiKeyHelper, Self::Env, Self::Fd, Self::Kept];
}
