//! The commands of the user: sign in, sign out, and show who is signed in.

mod claude;
mod login;
mod logout;
mod shared;
pub(crate) mod status;

use std::io::{self, BufReader, IsTerminal, Write};

use clap::Subcommand;
use claude_credential_config::{Config, Provider};
use claude_credential_protocol::Error;

use crate::flows::authorization_code::Input;
use crate::options::{Oauth, Source, find};
use crate::reporter::Reporter;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Sign in to the provider
    Login(login::Options),
    /// Sign out, at the provider and here
    Logout(logout::Options),
    /// List who is signed in, where the tokens are kept, and until when they are good; asks no server
    Status {
        /// As one JSON document
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(helper: &Oauth, command: UserCommand) -> Result<(), Error> {
    let (mut stderr, mut stdout) = (io::stderr(), io::stdout());
    let is_terminal = stderr.is_terminal();
    let input: Input = Box::new(BufReader::new(io::stdin()));
    with(helper, command, Some(input), &mut stdout, &mut Reporter::new(&mut stderr, is_terminal))
}

/// The same, on streams.
pub(crate) fn with(
    helper: &Oauth,
    command: UserCommand,
    input: Option<Input>,
    stdout: &mut dyn Write,
    reporter: &mut Reporter<'_>,
) -> Result<(), Error> {
    let folders = helper.suite.folders()?;
    let config = helper.suite.config(&folders)?;
    match command {
        UserCommand::Login(options) => {
            login::run(helper, &folders, provider(helper, &config)?, &options, input, reporter)
        }
        UserCommand::Logout(options) => logout::run(helper, &folders, provider(helper, &config)?, &options, reporter),
        UserCommand::Status { json } => status::run(helper, &folders, &config, json, stdout, reporter),
    }
}

/// The provider that the options mean.
fn provider<'c>(helper: &Oauth, config: &'c Config) -> Result<&'c Provider, Error> {
    let file = config.file_shown();
    match &helper.provider {
        Some(name) => find(config, name),
        None if !helper.sources.is_empty() && !helper.sources.contains(&Source::Login) => Err(Error::config(
            "there is nothing to sign in to among the sources given; name a provider: claude-credential login NAME",
        )),
        None => config.default_provider().ok_or_else(|| {
            Error::config(format!(
                "{file} has no provider with `default = true`; name one: claude-credential login NAME"
            ))
        }),
    }
}
