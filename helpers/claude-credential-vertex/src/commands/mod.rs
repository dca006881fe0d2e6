//! Commands for users.

mod login;

use std::ffi::OsString;

use clap::Subcommand;
use claude_credential_protocol::Error;

use crate::options::Vertex;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Sign in, by running: gcloud auth application-default login
    Login {
        /// Further options for gcloud
        #[arg(value_name = "OPTION", trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<OsString>,
    },
}

pub(crate) fn run(helper: &Vertex, command: UserCommand) -> Result<(), Error> {
    match command {
        UserCommand::Login { options } => login::run(helper, options),
    }
}
