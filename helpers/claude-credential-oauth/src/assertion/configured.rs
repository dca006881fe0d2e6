//! The assertion of the provider's section: read for each call, since it is replaced from time to time.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use claude_credential_config::{Environment, Provider, TokenSource};
use claude_credential_files::{Trust, read_once};
use claude_credential_process::{KeyCommand, StderrRule, find_on_path};
use claude_credential_protocol::{Error, Secret, parse_token, text};

use crate::client::Client;

/// The longest token that a header can carry.
const MAX_FILE: u64 = 64 * 1024;

/// The token from the file, variable or command of the provider's section.
pub(crate) fn get(client: &Client<'_>) -> Result<Secret, Error> {
    let Provider { place, name, assertion, .. } = client.provider;
    let missing =
        || Error::config(format!("{place}: [provider.{name}] has no `assertion_file`, nor a variable or command"));
    let token = match assertion.as_ref().ok_or_else(missing)? {
        TokenSource::File(file) => in_file(file, client.until),
        TokenSource::Variable(variable) => in_variable(client.environment, variable),
        TokenSource::Command(words) => printed(client, words),
        TokenSource::Read { token, .. } => Ok(token.clone()),
    };
    token.map_err(|error| error.with_prefix(place))
}

/// CI systems and clusters leave such files readable for others; it only matters that no other user can write them.
pub(crate) fn in_file(file: &Path, until: Instant) -> Result<Secret, Error> {
    let shown = text::shown_path(file);
    let bytes = read_once(file, Trust::Settings, MAX_FILE, until)?;
    let bytes = bytes.ok_or_else(|| Error::config(format!("{shown}, the token to exchange, does not exist")))?;
    parse_token(&bytes).map_err(|problem| Error::config(format!("{shown} holds no token: {problem}")))
}

pub(crate) fn in_variable(environment: &Environment, variable: &str) -> Result<Secret, Error> {
    let value = environment.get(variable)?;
    let value = value.ok_or_else(|| Error::config(format!("{variable}, with the token to exchange, is not set")))?;
    parse_token(value.as_bytes()).map_err(|problem| Error::config(format!("{variable} holds no token: {problem}")))
}

fn printed(client: &Client<'_>, words: &[String]) -> Result<Secret, Error> {
    let missing = || Error::config("`assertion_command` is not on PATH; write its absolute path");
    let (program, arguments) = words.split_first().ok_or_else(missing)?;
    let path = client.environment.get_os("PATH").unwrap_or_default();
    let program = match program.strip_prefix("~/") {
        Some(below) => client.folders.home.join(below),
        None if Path::new(program).is_absolute() => program.into(),
        None if program.contains('/') => return Err(missing()),
        None => find_on_path(program, path).ok_or_else(missing)?,
    };
    let mut command = Command::new(program);
    command.args(arguments);
    let command = KeyCommand {
        command,
        folder: &client.folders.home,
        active: client.active,
        deadline: client.until,
        own_group: !client.interactive,
        none_exit: &[],
        stderr: StderrRule::Accept,
    };
    let printed = command.run().unwrap_or_else(|_| Err(Error::broke("the command was interrupted")));
    let printed = printed.map_err(|error| error.with_prefix("`assertion_command`"))?;
    printed.ok_or_else(|| Error::broke("`assertion_command` printed nothing"))
}
