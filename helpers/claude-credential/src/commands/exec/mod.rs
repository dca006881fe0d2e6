//! `exec -- COMMAND…`: the command in our place, with the credential in its environment and no other beside it.

mod competitors;
mod destination;
mod environment;
mod setting_command;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use claude_credential_config::{Profile, claude};
use claude_credential_files::Identity;
use claude_credential_process::find_on_path;
use claude_credential_protocol::{Class, Error, Seconds, text};

use crate::chain::entry::Resolved;
use crate::cli::Exec;
use crate::client::environment::environment_of_client;
use crate::commands::print;
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup;
use crate::query::Query;
use crate::query::profile;
use crate::ttl::check_ttl;

use competitors::{competitors, may_be_the_client};
use destination::Destination;
use environment::Environment;
use setting_command::SettingCommand;

/// What a shell exits with for a command that it can't start, and for one that it does not find.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// The command can't be given another credential when this one ends, and nobody knows how long it takes: what has less
/// left is renewed first, where it can be.
const MIN_TTL: Seconds = 3600;

pub(crate) fn run(context: &Context, options: &Exec) -> Result<u8, Failure> {
    context.log.show_progress();
    check_ttl(&context.environment)?;
    // Before anybody is asked to sign in for a command that is not there.
    let (word, arguments) = options.command.split_first().ok_or_else(|| Error::config("there is no command"))?;
    let file = match executable(context, word) {
        Ok(file) => file,
        Err(code) => return Ok(code),
    };
    let profile = profile::choose(&context_of_client(context))?;
    let destination = Destination::of(context, &profile)?;
    let mut query = Query::new(context, profile, destination.origin())?;
    query.request.username.clone_from(&options.account);
    query.request.min_ttl = MIN_TTL;
    let answer = match obtain(context, &query) {
        Ok(answer) => Some(answer),
        Err(failure) if is_left_to_client(&query, &failure) => None,
        Err(failure) => return Err(failure),
    };
    let around = destination.surroundings(context);
    let environment = match &answer {
        Some(answer) => Environment::with(&query, answer, &destination, &around)?,
        None => Environment::without(&query.profile, &around),
    };
    if may_be_the_client(word) {
        let settings = destination.settings();
        let command = SettingCommand { context, query: &query, settings, environment: &environment };
        for line in competitors(settings, &environment, answer.as_ref(), &around, &command) {
            say(&line);
        }
    }
    let mut command = Command::new(&file);
    command.arg0(word).args(arguments);
    environment.apply(&mut command);
    // Comes back only if it could not be started.
    let error = command.exec();
    Ok(match error.kind() {
        io::ErrorKind::NotFound if file.exists() => {
            refused(word, "can't be started: the program that its first line names is not there", NOT_EXECUTABLE)
        }
        io::ErrorKind::NotFound => refused(word, "is not there; write the path of a command", NOT_FOUND),
        _ => refused(word, &format!("can't be started: {error}"), NOT_EXECUTABLE),
    })
}

/// What the client goes by decides for which cloud it is set up, and the settings of the user and the administrator are
/// part of that.
fn context_of_client(here: &Context) -> Context {
    let folder = std::env::current_dir().unwrap_or_else(|_| here.folders.home.clone());
    let environment = environment_of_client(&here.environment, &claude::scopes(&folder, &here.folders));
    Context::with(here.options.clone(), environment, here.folders.clone(), here.config.clone(), false)
}

fn obtain(context: &Context, query: &Query) -> Result<Resolved, Failure> {
    match lookup::run(context, query, None) {
        Err(failure) if print::sign_in(context, query, &failure)? => lookup::run(context, query, None),
        outcome => outcome,
    }
}

/// A profile with a folder of Claude Code's for itself has the client's own login, which we report and do not hand out:
/// in that folder the client finds it by itself, if its chain asks for it and has nothing else.
fn is_left_to_client(query: &Query, failure: &Failure) -> bool {
    let Profile { claude_config_dir: Some(folder), .. } = &query.profile else { return false };
    // On macOS it is in the keychain, which is not opened to look.
    let is_there = cfg!(target_os = "macos") || Identity::of(&folder.join(".credentials.json")).exists();
    let asks_for_it = query.chain.iter().any(|entry| entry.built_in && entry.definition.name == "login");
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
            Some(file) => {
                let mend = format!("is not executable; run: chmod +x {}", file.display());
                refused(file.as_os_str(), &mend, NOT_EXECUTABLE)
            }
            None => refused(word, "is not on PATH; install it, or write its absolute path", NOT_FOUND),
        }
    })
}

fn refused(word: &OsStr, why: &str, code: u8) -> u8 {
    say(&format!("{} {why}", word.to_string_lossy()));
    code
}

fn say(line: &str) {
    // A closed stderr is no reason to say anything else.
    let _ = writeln!(io::stderr(), "claude-credential: {}", text::one_line(line));
}
