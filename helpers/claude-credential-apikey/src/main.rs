//! The helper for API keys: what the client's variables and descriptors hold, what its `apiKeyHelper` setting prints,
//! what a file holds, and a key that is stored.

mod commands;
mod options;
mod sources;
#[cfg(test)]
mod tests;

use std::time::Duration;

use claude_credential_config::Environment;
use claude_credential_keychain::{ApiKey, ApiKeyStore, KeyName};
use claude_credential_protocol::{Auth, BaseUrl, Credential, Error, Helper, HelperCli, Request, Secret, parse_token};

use commands::UserCommand;
use options::{Apikey, Source};
use sources::{descriptor, file, setting, stored, variable};

impl Helper for Apikey {
    /// `request.rejected` changes nothing: each of these sources has one key. The next source's key may belong to another
    /// account, and a 401 must not switch the account that pays.
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        let folders = &self.suite.folders()?;
        let context = self.suite.context(request, folders);
        if let Some(path) = &self.file {
            return if self.may_go_to(request) { file::get(&context, path) } else { Ok(None) };
        }
        let get = |source: &Source| match source {
            Source::Kept => stored::get(&context),
            _ if !self.may_go_to(request) => Ok(None),
            Source::AuthToken => variable::auth_token(&context),
            Source::ApiKeyHelper => setting::get(&context),
            Source::Env => variable::api_key(&context),
            Source::Fd => descriptor::get(&context),
        };
        self.sources().iter().find_map(|source| get(source).transpose()).transpose()
    }

    fn store(&self, request: &Request, credential: &Credential) -> Result<(), Error> {
        let Auth::ApiKey(secret) = &credential.auth else { return Ok(()) };
        let Some(name) = KeyName::of(request).filter(|_| self.keeps() && self.is_for(request)) else {
            return Ok(());
        };
        let expired = credential.is_expired();
        if credential.ephemeral || expired || holds(&self.suite.environment, secret)? {
            return Ok(());
        }
        parse_token(secret.expose().as_bytes())
            .map_err(|problem| Error::config(format!("what was to be stored is no key: {problem}")))?;
        let folders = self.suite.folders()?;
        let keys = ApiKeyStore::new(&folders, request.patience());
        let value = ApiKey { secret: secret.clone(), expires_at: credential.expires_at };
        // git stores a credential again after every use; an unchanged key must not invalidate the cache.
        // It may have come from a key for more than the path that git names.
        let found = stored::find(&keys, request)?.filter(|found| found.account == name.account);
        if found.map(|found| keys.find(&found)).transpose()?.flatten().is_some_and(|(kept, _)| kept == value) {
            return Ok(());
        }
        keys.store(&name, &value, self.suite.config(&folders)?.key_store).map(|_| ())
    }

    fn erase(&self, request: &Request, credential: Option<&Credential>) -> Result<(), Error> {
        let Some((asked, _)) = request.place().ok().filter(|_| self.keeps()) else { return Ok(()) };
        let folders = self.suite.folders()?;
        let keys = ApiKeyStore::new(&folders, request.patience());
        for (name, _) in keys.names()? {
            // As in git's own helpers, a request without an account matches every account, and one without a path
            // every path.
            let is_at = match request.path {
                Some(_) => request.is_for(&name.host),
                None => *name.host.origin() == asked,
            };
            if is_at && (request.username.is_none() || name.account == request.username) {
                keys.erase(&name, credential.map(|credential| credential.auth.secret()))?;
            }
        }
        Ok(())
    }
}

impl HelperCli for Apikey {
    const NAME: &'static str = "claude-credential-apikey";
    type Commands = UserCommand;

    fn run(&self, command: UserCommand) -> Result<(), Error> {
        if !self.keeps() {
            return Err(Error::config("no key is kept among the sources given; add: --source kept"));
        }
        commands::run(self, command)
    }

    fn print_host(&self) -> Result<BaseUrl, Error> {
        Ok(self.host.clone())
    }
}

/// Whether a variable or descriptor holds `secret`: git stores every credential that worked, and a secret that is only
/// passed through the environment must not be stored. A pipe is not read: reading would take the key from its reader.
fn holds(environment: &Environment, secret: &Secret) -> Result<bool, Error> {
    let variables = [variable::AUTH_TOKEN, variable::API_KEY];
    for name in variables {
        if environment.get(name)?.is_some_and(|value| Secret::from(value.trim()) == *secret) {
            return Ok(true);
        }
    }
    let descriptor = descriptor::find(environment)?.filter(|descriptor| !descriptor.is_pipe());
    let token = descriptor.map(|descriptor| descriptor.token(Duration::ZERO)).transpose()?;
    Ok(token.flatten().is_some_and(|token| token == *secret))
}

fn main() -> std::process::ExitCode {
    claude_credential_protocol::main::<Apikey>()
}
