//! The command line, and where the helper looks.

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use claude_credential_config::{Config, Folders, Provider, Suite};
use claude_credential_protocol::{Error, text};

use crate::client::Client;

/// Answers with an OAuth access token
#[derive(Args)]
pub(crate) struct Oauth {
    /// Where to look; may be repeated, and the first that has a token wins [default: env, fd and login]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    pub(crate) sources: Vec<Source>,

    /// The tokens of [provider.NAME] of your config.toml, and no others
    #[arg(long, value_name = "NAME", conflicts_with = "sources")]
    pub(crate) provider: Option<String>,

    #[command(flatten)]
    pub(crate) suite: Suite,
}

impl Oauth {
    /// The client of `provider` for a user command.
    pub(crate) fn client<'a>(&'a self, folders: &'a Folders, provider: &'a Provider, patience: Duration) -> Client<'a> {
        let (environment, active, until) = (&self.suite.environment, &self.suite.active, Instant::now() + patience);
        Client { provider, environment, folders, active, interactive: true, until }
    }

    pub(crate) fn sources(&self) -> &[Source] {
        if self.sources.is_empty() { &Source::ALL } else { &self.sources }
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

/// The provider of that name, or an error that names the file.
pub(crate) fn find<'c>(config: &'c Config, name: &str) -> Result<&'c Provider, Error> {
    config.providers.get(name).ok_or_else(|| {
        let (name, file) = (text::shown(name), config.file_shown());
        Error::config(format!("there is no provider {name} in {file}; add [provider.NAME] there"))
    })
}
