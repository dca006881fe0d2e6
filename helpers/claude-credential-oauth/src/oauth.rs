use std::path::PathBuf;

use clap::Args;
use claude_credential_config::{Config, Environment, Folders, Provider};
use claude_credential_process::Active;
use claude_credential_protocol::{Auth, Credential, Error, Helper, HelperCli, Origin, Request};

use crate::keeping;
use crate::people::{self, People};
use crate::sources::{Asked, Source, claude, descriptor, login, provider, variable};

/// Without it the server takes an OAuth token for an API key that it does not know; the client sends it, too.
pub(crate) const HEADER: &str = "anthropic-beta: oauth-2025-04-20";

/// Where these tokens are good.
const HOST: &str = "api.anthropic.com";

/// Answers with an OAuth access token
#[derive(Args)]
pub(crate) struct Oauth {
    /// Where to look; may be repeated, and the first that has a token wins [default: env, fd and login]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    pub(crate) sources: Vec<Source>,

    /// The tokens of [provider.NAME] of your config.toml, and no others
    #[arg(long, value_name = "NAME", conflicts_with = "sources")]
    pub(crate) provider: Option<String>,

    /// Read this file in place of your config.toml
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[arg(skip = Environment::here())]
    pub(crate) environment: Environment,

    #[arg(skip = Active::here())]
    pub(crate) active: Active,
}

impl Helper for Oauth {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        // A host that is none is no place for a token, whoever vouches for it.
        if Origin::new(&request.protocol, &request.host).is_err() {
            return Ok(None);
        }
        let folders = &self.folders()?;
        let asked = self.asked(request, folders);
        if let Some(name) = &self.provider {
            let config = asked.config()?;
            return provider::get(&asked, find(&config, name)?, false);
        }
        let home = is_home(request);
        for source in self.sources() {
            let found = match source {
                Source::Login => login::get(&asked, home)?,
                // None of the others is kept for an account.
                _ if request.username.is_some() => None,
                // Accounts of claude.ai are for Anthropic's own host. A gateway on the user's list has no business with
                // one, whoever asks.
                _ if !home => None,
                Source::Claude => claude::get(&asked)?,
                Source::Env => variable::get(&asked)?,
                Source::Fd => descriptor::get(&asked)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn store(&self, request: &Request, credential: &Credential) -> Result<(), Error> {
        let Some(name) = &self.provider else { return Ok(()) };
        let (Auth::Bearer(access) | Auth::ApiKey(access)) = &credential.auth else { return Ok(()) };
        let folders = &self.folders()?;
        let asked = self.asked(request, folders);
        let config = asked.config()?;
        keeping::store(&asked, find(&config, name)?, access, credential)
    }

    fn erase(&self, request: &Request, credential: Option<&Credential>) -> Result<(), Error> {
        let Some(name) = &self.provider else { return Ok(()) };
        let folders = &self.folders()?;
        let asked = self.asked(request, folders);
        let config = asked.config()?;
        keeping::erase(&asked, find(&config, name)?, credential.map(|credential| credential.auth.secret()))
    }
}

impl HelperCli for Oauth {
    const NAME: &'static str = "claude-credential-oauth";
    type Commands = People;

    fn run(&self, command: People) -> Result<(), Error> {
        people::run(self, command)
    }

    fn print_host(&self) -> Result<(String, String), Error> {
        let own = |host: &Origin| (host.protocol().to_owned(), host.host().to_owned());
        let home = || ("https".to_owned(), HOST.to_owned());
        let Some(name) = &self.provider else { return Ok(home()) };
        let config = self.config(&self.folders()?)?;
        Ok(find(&config, name)?.hosts.first().map_or_else(home, own))
    }
}

impl Oauth {
    pub(crate) fn folders(&self) -> Result<Folders, Error> {
        Folders::of(&self.environment)
    }

    pub(crate) fn config(&self, folders: &Folders) -> Result<Config, Error> {
        Config::load(folders, self.config.as_deref())
    }

    pub(crate) fn asked<'a>(&'a self, request: &'a Request, folders: &'a Folders) -> Asked<'a> {
        let (environment, config, active) = (&self.environment, self.config.as_deref(), &self.active);
        Asked { request, environment, folders, config, active }
    }

    fn sources(&self) -> &[Source] {
        if self.sources.is_empty() { &Source::ALL } else { &self.sources }
    }
}

/// The provider of that name.
pub(crate) fn find<'c>(config: &'c Config, name: &str) -> Result<&'c Provider, Error> {
    config.providers.get(name).ok_or_else(|| {
        let file = config.file_shown();
        Error::config(format!("there is no [provider.{name}] in {file}; add it there"))
    })
}

fn is_home(request: &Request) -> bool {
    Origin::new(&request.protocol, &request.host).is_ok_and(|origin| Origin::listed(HOST) == Ok(origin))
}
