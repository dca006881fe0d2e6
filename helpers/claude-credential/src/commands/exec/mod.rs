//! `exec -- COMMAND…`: the command takes the place of this process, with the credential in its environment and no other
//! beside it.

mod competitors;
mod destination;
mod environment;
mod setting_command;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use claude_credential_config::Profile;
use claude_credential_files::Identity;
use claude_credential_protocol::{Class, Error, Seconds, text};

use crate::chain::program;
use crate::cli::Exec;
use crate::commands::print;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::{Query, profile};
use crate::ttl::check_ttl;

use competitors::{competitors, may_be_client};
use destination::CommandDestination;
use environment::CommandEnvironment;
use setting_command::SettingCommand;

/// A shell's exit codes for a command that it can't start, and for one that it does not find.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// How many seconds the credential should live yet: the command can't be given another one when it expires, and may take
/// long. A cached answer with less is renewed first, if it can be.
const MIN_TTL: Seconds = 3600;

pub(crate) fn run(context: &Context, options: &Exec) -> Result<u8, Failure> {
    context.log.show_progress();
    check_ttl(&context.environment)?;
    // First, so that the user does not sign in for a command that is not there.
    let (word, arguments) = options.command.split_first().ok_or_else(|| Error::config("there is no command"))?;
    let Some(file) = program::executable(context, word) else { return Ok(not_on_path(context, word)) };
    // Claude Code's settings may set it up for a cloud, which chooses the profile.
    let profile = profile::choose(&context.of_client(false))?;
    let destination = CommandDestination::of(context, &profile)?;
    let mut query = Query::new(context, profile, destination.host())?;
    query.request.username.clone_from(&options.account);
    query.request.min_ttl = MIN_TTL;
    let answer = match print::obtain(context, &query, None) {
        Ok(answer) => Some(answer),
        Err(failure) if is_left_to_client(&query, &failure) => None,
        Err(failure) => return Err(failure),
    };
    let surroundings = destination.surroundings(context)?;
    let environment = match &answer {
        Some(answer) => CommandEnvironment::with(&query, answer, &destination, &surroundings)?,
        None => CommandEnvironment::without(&query.profile, &surroundings),
    };
    destination.check(&query.profile, &environment.after(&context.environment))?;
    if may_be_client(word) {
        let settings = destination.settings();
        let command = SettingCommand { context, query: &query, settings, environment: &environment };
        for warning in competitors(settings, &environment, answer.as_ref(), &surroundings, &command) {
            print_line(&warning);
        }
    }
    let is_client = word.as_bytes().rsplit(|byte| *byte == b'/').next() == Some(b"claude");
    // A gateway in place of a cloud gets its key by a protocol of its own.
    let environment =
        if is_client && !surroundings.is_cloud_gateway { environment.by_descriptor()? } else { environment };
    let mut command = Command::new(&file);
    command.arg0(word).args(arguments);
    environment.apply(&mut command);
    // `exec` returns only if the command could not be started.
    let error = command.exec();
    Ok(match error.kind() {
        io::ErrorKind::NotFound if file.exists() => {
            fail(word, "can't be started: the program that its first line names is not there", NOT_EXECUTABLE)
        }
        io::ErrorKind::NotFound => fail(word, "is not there; write the path of a command", NOT_FOUND),
        _ => fail(word, &format!("can't be started: {error}"), NOT_EXECUTABLE),
    })
}

/// Whether Claude Code is to use its own login, which the dispatcher reports but does not hand out: the profile has a
/// `CLAUDE_CONFIG_DIR` of its own, in which Claude Code finds its login by itself, and the chain asks for that login and
/// has nothing else.
fn is_left_to_client(query: &Query, failure: &Failure) -> bool {
    let Profile { claude_config_dir: Some(folder), .. } = &query.profile else { return false };
    // On macOS the login is in the keychain, which is not opened for this.
    let has_login = cfg!(target_os = "macos") || Identity::of(&folder.join(".credentials.json")).exists();
    let is_in_chain = query.chain.iter().any(|entry| entry.built_in && entry.definition.name == "login");
    failure.class() == Some(Class::NotFound) && is_in_chain && has_login
}

/// Prints why PATH has no executable of that name, and returns the exit code.
fn not_on_path(context: &Context, word: &OsStr) -> u8 {
    let path = context.environment.get_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(word));
    match files.find(|file| file.is_file()) {
        Some(file) => {
            let problem = format!("is not executable; run: chmod +x {}", file.display());
            fail(file.as_os_str(), &problem, NOT_EXECUTABLE)
        }
        None => fail(word, "is not on PATH; install it, or write its absolute path", NOT_FOUND),
    }
}

/// Prints what is wrong with the command, and returns the exit code.
fn fail(word: &OsStr, problem: &str, code: u8) -> u8 {
    print_line(&format!("{} {problem}", text::shown(&word.to_string_lossy())));
    code
}

fn print_line(line: &str) {
    // If stderr is closed, the command runs all the same.
    let _ = writeln!(io::stderr(), "claude-credential: {}", text::one_line(line));
}
