//! `exec -- COMMAND…`: the command in our place, with the credential in its environment and no other beside it.

mod destination;
mod environment;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use claude_credential_config::Profile;
use claude_credential_files::Identity;
use claude_credential_process::find_on_path;
use claude_credential_protocol::{Class, Error, Seconds, text};

use crate::ask::{Ask, check_ttl};
use crate::chain::Answer;
use crate::cli::Exec;
use crate::commands::print;
use crate::context::Context;
use crate::failure::Failure;
use crate::{profile, run};

use destination::Destination;
use environment::Environment;

/// What a shell exits with for a command that it can't start, and for one that it does not find.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The command can't be given another credential when this one ends, and nobody knows how long it takes: what has less
/// left is renewed first, where it can be.
const MIN_TTL: Seconds = 3600;

pub(crate) fn run(context: &Context, options: &Exec) -> Result<u8, Failure> {
    context.log.show_progress();
    check_ttl(context)?;
    // Before anybody is asked to sign in for a command that is not there.
    let (word, arguments) = options.command.split_first().ok_or_else(|| Error::config("there is no command"))?;
    let file = match executable(context, word) {
        Ok(file) => file,
        Err(code) => return Ok(code),
    };
    let profile = profile::choose(context)?;
    let destination = Destination::of(context, &profile)?;
    let mut ask = Ask::new(context, profile, destination.origin())?;
    ask.request.username.clone_from(&options.account);
    ask.request.min_ttl = MIN_TTL;
    let environment = match obtain(context, &ask) {
        Ok(answer) => Environment::with(context, &ask, &answer, &destination)?,
        Err(failure) if is_left_to_client(&ask, &failure) => Environment::without(&ask.profile),
        Err(failure) => return Err(failure),
    };
    let mut command = Command::new(file);
    command.arg0(word).args(arguments);
    environment.apply(&mut command);
    // Comes back only if it could not be started.
    let error = command.exec();
    let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE };
    Ok(refused(word, &format!("can't be started: {error}"), code))
}

fn obtain(context: &Context, ask: &Ask) -> Result<Answer, Failure> {
    match run::obtain(context, ask, None) {
        Err(failure) if print::sign_in(context, ask, &failure)? => run::obtain(context, ask, None),
        outcome => outcome,
    }
}

/// A profile with a folder of Claude Code's for itself has the client's own login, which we report and do not hand out:
/// in that folder the client finds it by itself, if its chain asks for it and has nothing else.
fn is_left_to_client(ask: &Ask, failure: &Failure) -> bool {
    let Profile { claude_config_dir: Some(folder), .. } = &ask.profile else { return false };
    // On macOS it is in the keychain, which is not opened to look.
    let is_there = cfg!(target_os = "macos") || Identity::of(&folder.join(".credentials.json")).exists();
    let asks_for_it = ask.chain.iter().any(|link| link.built_in && link.entry.name == "login");
    failure.class() == Some(Class::NotFound) && asks_for_it && is_there
}

/// What is to be started, or the exit code of a shell that can't. A bare name is looked for in PATH's absolute folders
/// alone: the working directory may be somebody else's clone.
fn executable(context: &Context, word: &OsStr) -> Result<PathBuf, u8> {
    if word.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(word));
    }
    let path = context.environment.get_os("PATH").unwrap_or_default();
    let found = word.to_str().filter(|name| !name.is_empty()).and_then(|name| find_on_path(name, path));
    found.ok_or_else(|| {
        let files = std::env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(word));
        match files.into_iter().find(|file| file.is_file()) {
            Some(file) => refused(file.as_os_str(), "is not executable", NOT_EXECUTABLE),
            None => refused(word, "is not on PATH; install it, or write its absolute path", NOT_FOUND),
        }
    })
}

fn refused(word: &OsStr, why: &str, code: u8) -> u8 {
    let word = text::one_line(&word.to_string_lossy());
    // A closed stderr is no reason to say anything else.
    let _ = writeln!(io::stderr(), "claude-credential: {word} {why}");
    code
}
