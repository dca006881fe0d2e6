//! The helper for OAuth access tokens: an OAuth 2.0 client for the providers that the user configures; what the client's
//! variables and descriptors hold; and, where the user wants it, the login that Claude Code stored, which is never
//! refreshed here.

mod anthropic;
mod assertion;
mod binding;
mod browser;
mod client;
mod client_assertion;
mod commands;
mod discovery;
mod flows;
mod loopback;
mod options;
mod refresh;
mod reporter;
mod sources;
mod store_erase;
#[cfg(test)]
mod tests;
mod token_error;
mod token_store;
mod tokens;

use claude_credential_protocol::{Auth, BaseUrl, Credential, Error, Helper, HelperCli, Request};

use anthropic::{home, is_home};
use commands::UserCommand;
use options::{Oauth, Source, find};
use sources::{claude, descriptor, login, provider, variable};

impl Helper for Oauth {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        // No token goes to an invalid host, even if the caller has allowed it.
        if request.place().is_err() {
            return Ok(None);
        }
        let folders = &self.suite.folders()?;
        let context = self.suite.context(request, folders);
        if let Some(name) = &self.provider {
            let config = context.config()?;
            return provider::get(&context, find(&config, name)?, false);
        }
        let home = is_home(request);
        let get = |source: &Source| match source {
            Source::Login => login::get(&context, home),
            // The other sources have no accounts.
            _ if request.username.is_some() => Ok(None),
            // Tokens of claude.ai accounts go to Anthropic's own host alone, never to a gateway.
            _ if !home => Ok(None),
            Source::Claude => claude::get(&context),
            Source::Env => variable::get(&context),
            Source::Fd => descriptor::get(&context),
        };
        self.sources().iter().find_map(|source| get(source).transpose()).transpose()
    }

    fn store(&self, request: &Request, credential: &Credential) -> Result<(), Error> {
        let Some(name) = &self.provider else { return Ok(()) };
        let (Auth::Bearer(access) | Auth::ApiKey(access)) = &credential.auth else { return Ok(()) };
        let folders = &self.suite.folders()?;
        let context = self.suite.context(request, folders);
        let config = context.config()?;
        store_erase::store(&context, find(&config, name)?, access, credential)
    }

    fn erase(&self, request: &Request, credential: Option<&Credential>) -> Result<(), Error> {
        let Some(name) = &self.provider else { return Ok(()) };
        let folders = &self.suite.folders()?;
        let context = self.suite.context(request, folders);
        let config = context.config()?;
        store_erase::erase(&context, find(&config, name)?, credential.map(|credential| credential.auth.secret()))
    }
}

impl HelperCli for Oauth {
    const NAME: &'static str = "claude-credential-oauth";
    type Commands = UserCommand;

    fn run(&self, command: UserCommand) -> Result<(), Error> {
        commands::run(self, command)
    }

    fn print_host(&self) -> Result<BaseUrl, Error> {
        let Some(name) = &self.provider else { return home() };
        let config = self.suite.config(&self.suite.folders()?)?;
        find(&config, name)?.hosts.first().cloned().map_or_else(home, Ok)
    }
}

fn main() -> std::process::ExitCode {
    claude_credential_http::also_trust(claude_credential_config::claude::extra_authorities);
    claude_credential_protocol::main::<Oauth>()
}
