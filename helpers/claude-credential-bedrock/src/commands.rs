//! Commands for users.

use std::process::Command;

use clap::Subcommand;
use claude_credential_config::generation;
use claude_credential_process::{find_on_path, run_attached};
use claude_credential_protocol::{Error, Request};

use crate::options::Bedrock;
use crate::profile::{self, Base, Plan};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Sign in to the profile's SSO session: runs `aws sso login`
    Login,
}

pub(crate) fn run(helper: &Bedrock, command: &UserCommand) -> Result<(), Error> {
    match command {
        UserCommand::Login => login(helper),
    }
}

fn login(helper: &Bedrock) -> Result<(), Error> {
    let folders = helper.suite.folders()?;
    let request = Request::new("https", "");
    let context = helper.context(&request, &folders);
    let name = context.named_profile()?.unwrap_or(profile::DEFAULT);
    let plan = Plan::of(context.profiles()?, Some(name))?;
    let Some(Plan { base: Base::Sso(_), base_profile, .. }) = plan else {
        return Err(Error::config(format!(
            "profile {name} has no SSO to sign in to; to set it up, run: {}",
            profile::line("aws configure sso", name)
        )));
    };
    let shown = profile::line("aws sso login", &base_profile);
    let path = helper.suite.environment.get_os("PATH").unwrap_or_default();
    let aws = find_on_path("aws", path)
        .ok_or_else(|| Error::config(format!("the AWS CLI is not on PATH; install it, then run: {shown}")))?;
    let mut command = Command::new(&aws);
    command.args(["sso", "login"]).args(profile::option(&base_profile));
    helper.suite.active.hand_down(&mut command);
    let status = run_attached(&mut command);
    let status = status.map_err(|error| Error::config(format!("{} can't be started: {error}", aws.display())))?;
    if !status.success() {
        return Err(Error::sign_in(format!("signing in failed; run: {shown}")));
    }
    // What is cached may belong to another account.
    generation::touch(&folders)
}
