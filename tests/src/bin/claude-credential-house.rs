//! The smallest helper that there can be: what the battery is run against where nobody names another.

use std::process::ExitCode;

use claude_credential_protocol::{Auth, Credential, Error, Helper, HelperCli, NoCommands, Request};

/// Answers with the key of the house, to its own host.
#[derive(Debug, clap::Args)]
struct House {}

impl Helper for House {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        if request.origin() != "https://api.anthropic.com" || request.username.is_some() || request.path.is_some() {
            return Ok(None);
        }
        let key = std::env::var("HOUSE_KEY").ok();
        Ok(key.map(|key| Credential::new(Auth::ApiKey(key.into())).from_source("env:HOUSE_KEY")))
    }
}

impl HelperCli for House {
    const NAME: &'static str = "claude-credential-house";
    type Commands = NoCommands;
}

fn main() -> ExitCode {
    claude_credential_protocol::main::<House>()
}
