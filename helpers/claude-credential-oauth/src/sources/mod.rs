//! Where tokens come from: one module, one source.

pub(crate) mod claude;
pub(crate) mod descriptor;
pub(crate) mod login;
pub(crate) mod provider;
pub(crate) mod variable;

use std::path::Path;

use clap::ValueEnum;
use claude_credential_config::{Config, Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::{Auth, Credential, Error, Request, Secret};

use crate::oauth::HEADER;

/// What a source is asked, and where.
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) config: Option<&'a Path>,
    pub(crate) active: &'a Active,
}

impl Asked<'_> {
    pub(crate) fn config(&self) -> Result<Config, Error> {
        Config::load(self.folders, self.config)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// `CLAUDE_CODE_OAUTH_TOKEN`
    Env,
    /// The descriptor that `CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR` names
    Fd,
    /// What a sign-in stored: the default provider's token, else federation by Anthropic's variables, else Claude
    /// Code's own login where you said so
    Login,
    /// The login that Claude Code stored, with `[claude] login = "read"` in your config.toml
    Claude,
}

impl Source {
    /// In the product's documented order.
    pub(crate) const ALL: [Self; 3] = [Self::Env, Self::Fd, Self::Login];
}

/// A token that stands in the environment: Anthropic's, and its owner renews it.
fn anthropics(token: Secret, source: &str) -> Credential {
    let credential = Credential::new(Auth::Bearer(token)).from_source(source).ephemeral();
    Credential { headers: vec![HEADER.to_owned()], ..credential }
}
