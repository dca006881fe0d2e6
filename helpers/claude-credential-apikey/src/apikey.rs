use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use claude_credential_config::{Config, Environment, Folders, KeyStore};
use claude_credential_keychain::{Keychain, Name, Value};
use claude_credential_process::Active;
use claude_credential_protocol::{
    Auth, Credential, Error, Helper, HelperCli, Origin, Request, Secret, now, parse_token,
};

use crate::people::{self, People};
use crate::sources::{Asked, Source, descriptor, file, kept, setting, variable};

/// Answers with an API key, or with the bearer token of `ANTHROPIC_AUTH_TOKEN`
#[derive(Args)]
pub(crate) struct Apikey {
    /// Where to look; may be repeated, and the first that has a key wins [default: all, in the order shown]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    sources: Vec<Source>,

    /// Look into this file and nowhere else; nobody but you may be able to read it
    #[arg(long, value_name = "PATH", conflicts_with = "sources")]
    pub(crate) file: Option<PathBuf>,

    /// Where the key may go, and what login, logout and print mean
    #[arg(long, value_name = "HOST[:PORT]|URL", default_value = "api.anthropic.com", value_parser = Origin::listed)]
    pub(crate) host: Origin,

    /// Read this file in place of your config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[arg(skip = Environment::here())]
    pub(crate) environment: Environment,

    #[arg(skip = Active::here())]
    pub(crate) active: Active,
}

impl Helper for Apikey {
    /// `request.rejected` changes nothing: each of these sources has one key. The next source's would be another key,
    /// for which somebody else may pay, and nobody should switch payers because a server said 401.
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        let folders = &self.folders()?;
        let asked = Asked { request, environment: &self.environment, folders, active: &self.active };
        if let Some(path) = &self.file {
            return if self.may_go_to(request) { file::get(&asked, path) } else { Ok(None) };
        }
        for source in self.sources() {
            let found = match source {
                Source::Kept => kept::get(&asked)?,
                _ if !self.may_go_to(request) => None,
                Source::AuthToken => variable::auth_token(&asked)?,
                Source::ApiKeyHelper => setting::get(&asked)?,
                Source::Env => variable::api_key(&asked)?,
                Source::Fd => descriptor::get(&asked)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn store(&self, request: &Request, credential: &Credential) -> Result<(), Error> {
        let Auth::ApiKey(secret) = &credential.auth else { return Ok(()) };
        let Some(name) = Name::of(request).filter(|name| self.keeps() && self.is_for(request, name)) else {
            return Ok(());
        };
        let expired = credential.expires_at.is_some_and(|at| at.saturating_mul(1000) <= now());
        if credential.ephemeral || expired || self.holds(secret)? {
            return Ok(());
        }
        parse_token(secret.expose().as_bytes())
            .map_err(|problem| Error::config(format!("what was to be stored is no key: {problem}")))?;
        let folders = self.folders()?;
        let keychain = Keychain::new(&folders, request.patience());
        let value = Value { secret: secret.clone(), expires_at: credential.expires_at };
        // git stores what it got after every use. That is no news, and nothing cached has to go for it.
        if keychain.find(&name)?.is_some_and(|(kept, _)| kept == value) {
            return Ok(());
        }
        keychain.keep(&name, &value, self.key_store(&folders)?).map(|_| ())
    }

    fn erase(&self, request: &Request, credential: Option<&Credential>) -> Result<(), Error> {
        let Some(asked) = Name::of(request).filter(|_| self.keeps()) else { return Ok(()) };
        let folders = self.folders()?;
        let keychain = Keychain::new(&folders, request.patience());
        for (name, _) in keychain.names()? {
            // As git's own helpers: without an account, every account matches.
            if name.origin == asked.origin && (asked.account.is_none() || name.account == asked.account) {
                keychain.forget(&name, credential.map(|credential| credential.auth.secret()))?;
            }
        }
        Ok(())
    }
}

impl HelperCli for Apikey {
    const NAME: &'static str = "claude-credential-apikey";
    type Commands = People;

    fn run(&self, command: People) -> Result<(), Error> {
        if !self.keeps() {
            return Err(Error::config("no key is kept among the sources given; add: --source kept"));
        }
        people::run(self, command)
    }

    fn print_host(&self) -> Result<(String, String), Error> {
        Ok((self.host.protocol().to_owned(), self.host.host().to_owned()))
    }
}

impl Apikey {
    pub(crate) fn folders(&self) -> Result<Folders, Error> {
        Folders::of(&self.environment)
    }

    pub(crate) fn key_store(&self, folders: &Folders) -> Result<KeyStore, Error> {
        Ok(Config::load(folders, self.config.as_deref())?.key_store)
    }

    fn sources(&self) -> &[Source] {
        if self.sources.is_empty() { &Source::ALL } else { &self.sources }
    }

    fn keeps(&self) -> bool {
        self.file.is_none() && self.sources().contains(&Source::Kept)
    }

    /// Whether what is kept for no host and no account may answer: a variable, descriptor, command or file
    /// (CVE-2024-53858 of gh is what happens otherwise).
    fn may_go_to(&self, request: &Request) -> bool {
        request.username.is_none() && Name::of(request).is_some_and(|name| self.is_for(request, &name))
    }

    /// Who speaks `claude.v1` has compared the host with the user's own list. git speaks for whatever host a clone
    /// names, and can't pretend.
    fn is_for(&self, request: &Request, name: &Name) -> bool {
        request.capabilities.claude_v1 || name.origin == self.host
    }

    /// Whether a variable or descriptor holds that very secret: git offers for keeping whatever it was given and worked,
    /// and a secret that its owner passes from program to program must not settle down. A pipe is not asked: to read it
    /// is to take its key from whom it is for.
    fn holds(&self, secret: &Secret) -> Result<bool, Error> {
        let variables = [variable::AUTH_TOKEN, variable::API_KEY];
        let in_variable = variables.into_iter().filter_map(|name| self.environment.get(name));
        if in_variable.into_iter().any(|value| Secret::from(value.trim()) == *secret) {
            return Ok(true);
        }
        let descriptor = descriptor::find(&self.environment)?.filter(|descriptor| !descriptor.is_pipe());
        let token = descriptor.map(|descriptor| descriptor.token(Duration::ZERO)).transpose()?;
        Ok(token.flatten().is_some_and(|token| token == *secret))
    }
}
