//! Commands for users.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Command;

use clap::Subcommand;
use claude_credential_config::generation;
use claude_credential_process::{find_on_path, run_attached};
use claude_credential_protocol::{Error, Request, text};

use crate::options::Vertex;
use crate::sources::{VARIABLE, gcloud as gcloud_files};

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
        UserCommand::Login { options } => login(helper, options),
    }
}

fn login(helper: &Vertex, options: Vec<OsString>) -> Result<(), Error> {
    let folders = helper.suite.folders()?;
    let path = helper.suite.environment.get_os("PATH").unwrap_or_default();
    let gcloud = find_on_path("gcloud", path).ok_or_else(|| {
        Error::config(
            "gcloud is not on PATH; install it (https://cloud.google.com/sdk/docs/install), then run this again",
        )
    })?;
    // gcloud would make a folder of any name in the working directory.
    gcloud_files::well_known(&helper.suite.context(&Request::default(), &folders))?;
    let mut command = Command::new(gcloud);
    command.args(["auth", "application-default", "login"]).args(options);
    // gcloud would ask whether to go on, and show its value; what it means for the sign-in is said below.
    command.env_remove(VARIABLE);
    helper.suite.active.hand_down(&mut command);
    let status =
        run_attached(&mut command).map_err(|error| Error::config(format!("gcloud can't be started: {error}")))?;
    if !status.success() {
        return Err(Error::sign_in("gcloud did not sign in; run: gcloud auth application-default login"));
    }
    // What is cached may belong to another account.
    generation::touch(&folders)?;
    if helper.suite.environment.get_os(VARIABLE).is_some() {
        let words = format!("{VARIABLE} is set and takes precedence over this sign-in; run: unset {VARIABLE}");
        let _ = writeln!(io::stderr(), "{}", text::one_line(&words));
    }
    Ok(())
}
