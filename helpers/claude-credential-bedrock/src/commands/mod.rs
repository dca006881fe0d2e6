//! Commands for users.

mod login;

use clap::Subcommand;
use claude_credential_protocol::Error;

use crate::options::Bedrock;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Sign in to the profile's SSO session: runs `aws sso login`
    Login,
}

pub(crate) fn run(helper: &Bedrock, command: &UserCommand) -> Result<(), Error> {
    match command {
        UserCommand::Login => login::run(helper),
    }
}
