use std::path::PathBuf;

use clap::Args;
use claude_credential_config::{Environment, Folders, Origin};
use claude_credential_protocol::{Credential, Error, Helper, NoCommands, Request};

use crate::sources::{Asked, Source, claude, descriptor, variable};

/// Without it the server takes an OAuth token for an API key that it does not know; the client sends it, too.
const HEADER: &str = "anthropic-beta: oauth-2025-04-20";

/// Where these tokens are good.
const HOST: &str = "api.anthropic.com";

/// Answers with an OAuth access token
#[derive(Args)]
pub(crate) struct Oauth {
    /// Where to look; may be repeated, and the first that has a token wins [default: all, in the order shown]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    pub(crate) sources: Vec<Source>,

    /// Read this file in place of your config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[arg(skip = Environment::here())]
    pub(crate) environment: Environment,
}

impl Helper for Oauth {
    const NAME: &'static str = "claude-credential-oauth";
    type Commands = NoCommands;

    /// `request.rejected` changes nothing: each of these tokens has an owner who renews it, and that is not us.
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        // None of them is kept for an account.
        if request.username.is_some() || Origin::new(&request.protocol, &request.host).is_err() {
            return Ok(None);
        }
        let home = is_home(request);
        let folders = &Folders::of(&self.environment)?;
        let asked = Asked { request, environment: &self.environment, folders, config: self.config.as_deref() };
        for source in self.sources() {
            let found = match source {
                // Claude Code's own login goes where Claude Code takes it and nowhere else, whoever asks.
                Source::Claude if home => claude::get(&asked)?,
                Source::Claude => None,
                // Who speaks `claude.v1` has compared the host with the user's own list. git speaks for whatever host a
                // clone names, and can't pretend.
                _ if !home && !request.capabilities.claude_v1 => None,
                Source::Env => variable::get(&asked)?,
                Source::Fd => descriptor::get(&asked)?,
            };
            if let Some(mut credential) = found {
                credential.headers = vec![HEADER.to_owned()];
                return Ok(Some(credential.ephemeral()));
            }
        }
        Ok(None)
    }
}

impl Oauth {
    fn sources(&self) -> &[Source] {
        if self.sources.is_empty() { &Source::ALL } else { &self.sources }
    }
}

fn is_home(request: &Request) -> bool {
    Origin::new(&request.protocol, &request.host).is_ok_and(|origin| Origin::listed(HOST) == Ok(origin))
}
