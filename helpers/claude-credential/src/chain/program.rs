//! One helper process, or one command that prints a key.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use claude_credential_config::{Entry, Program, claude};
use claude_credential_process::{Ended, Finished, KeyCommand, RunError, StderrRule, Task, find_on_path};
use claude_credential_protocol::{
    Auth, Capabilities, Class, Credential, Error, Interactive, Kind, MAX_MESSAGE, Message, Operation, Request, now,
    text,
};

use crate::chain::entry::ResolvedEntry;
use crate::context::Context;
use crate::failure::Failure;

/// Asks an entry.
pub(crate) fn ask(
    context: &Context,
    entry: &ResolvedEntry,
    request: &Request,
    key: &str,
) -> Result<Option<Credential>, Failure> {
    let _waiting = context.log.waiting_for_entry(&entry.definition);
    let limits = Limits::of(request, context);
    match &entry.definition.program {
        Program::Helper { name, .. } => {
            let Some(file) = locate(context, name) else {
                // The suite can be installed in part, but the helper of an entry that the user wrote has to exist.
                return if entry.built_in { Ok(None) } else { Err(not_installed(name, &entry.definition).into()) };
            };
            let call = Call { file, operation: Operation::Get, message: request.to_message()?, limits };
            let finished = run_helper(context, entry, call, key)?;
            Ok(read_answer(&finished, request, &entry.definition)?)
        }
        // A command is not told of an account, so what it prints belongs to none.
        Program::Command(_) | Program::Shell(_) if request.username.is_some() => Ok(None),
        Program::Command(words) => run_command(context, command(context, words)?, &entry.definition, key, limits),
        Program::Shell(script) => run_command(context, shell(script), &entry.definition, key, limits),
    }
}

/// The process that the words of a `command` start.
pub(crate) fn command(context: &Context, words: &[String]) -> Result<Command, Error> {
    let mut command = Command::new(resolve(context, &words[0])?);
    command.args(&words[1..]);
    Ok(command)
}

/// The process that a `shell` line starts.
pub(crate) fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

/// Hands `message` to the helper of an entry for `store` or `erase`. The helper's output has no meaning there.
pub(crate) fn tell(
    context: &Context,
    entry: &ResolvedEntry,
    operation: Operation,
    request: &Request,
    message: Message,
) -> Result<(), Failure> {
    let Program::Helper { name, .. } = entry.program() else { return Ok(()) };
    let Some(file) = locate(context, name) else { return Ok(()) };
    let request = Request { interactive: context.interactive(), deadline: request.deadline, ..Request::default() };
    let call = Call { file, operation, message, limits: Limits::of(&request, context) };
    let finished = run_helper(context, entry, call, operation.name())?;
    // Without an answer, a helper can't announce its capabilities. The helpers of this suite always exit with a class.
    Ok(failure(&finished, entry.definition.is_of_suite()).map_or(Ok(()), Err)?)
}

/// The executable of a helper: beside our own executable with links resolved, so that an installation stays together;
/// then on PATH.
pub(crate) fn locate(context: &Context, name: &str) -> Option<PathBuf> {
    if Path::new(name).is_absolute() {
        return Path::new(name).is_file().then(|| PathBuf::from(name));
    }
    let file = format!("claude-credential-{name}");
    let executable = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    let beside = executable.and_then(|executable| executable.parent().map(|folder| folder.join(&file)));
    beside.filter(|beside| beside.is_file()).or_else(|| find_on_path(&file, path(context)))
}

/// The arguments of a helper: the entry's, and the configuration file for the helpers of this suite.
pub(crate) fn helper_args(context: &Context, program: &Program) -> Vec<std::ffi::OsString> {
    let Program::Helper { args, .. } = program else { return Vec::new() };
    let mut all: Vec<std::ffi::OsString> = args.iter().map(Into::into).collect();
    if let Some(config) = context.options.config.as_ref().filter(|_| program.is_of_suite()) {
        all.push("--config".into());
        all.push(std::path::absolute(config).unwrap_or_else(|_| config.clone()).into());
    }
    all
}

/// Whether the helper of a built-in entry is absent: the suite can be installed in part.
pub(crate) fn is_missing(context: &Context, entry: &ResolvedEntry) -> bool {
    let Program::Helper { name, .. } = entry.program() else { return false };
    entry.built_in && locate(context, name).is_none()
}

pub(crate) fn not_installed(name: &str, entry: &Entry) -> Error {
    let name = text::shown(name);
    let executable = if name.starts_with('/') { name.to_owned() } else { format!("claude-credential-{name}") };
    Error::config(format!(
        "{}: {executable} is not installed; put it beside claude-credential or on PATH",
        place(entry)
    ))
}

/// Where the entry is defined, as the user reads it.
fn place(entry: &Entry) -> String {
    entry.place.clone().unwrap_or_else(|| format!("built-in entry {}", entry.name))
}

fn path(context: &Context) -> &OsStr {
    context.environment.get_os("PATH").unwrap_or_default()
}

/// One call of a helper.
struct Call {
    file: PathBuf,
    operation: Operation,
    message: Message,
    limits: Limits,
}

/// The limits of a process that is started for a request.
#[derive(Clone, Copy)]
struct Limits {
    deadline: Instant,
    /// The process may not ask the user at the terminal, so it gets a process group of its own.
    own_group: bool,
}

impl Limits {
    fn of(request: &Request, context: &Context) -> Self {
        let deadline = request.deadline.unwrap_or(context.deadline);
        let deadline = Instant::now() + Duration::from_millis(deadline.saturating_sub(now()));
        Self { deadline, own_group: request.interactive == Interactive::Never }
    }
}

fn run_helper(context: &Context, entry: &ResolvedEntry, call: Call, key: &str) -> Result<Finished, Failure> {
    let Call { file, operation, message, limits: Limits { deadline, own_group } } = call;
    if let Ok(folder) = std::env::current_dir() {
        // The helper itself runs in the user's home, where it can't tell.
        claude::refuse_trust_of_project(&context.environment, &context.folders, &folder)?;
    }
    let claude_config_dir = entry.claude_config_dir.iter();
    let entry = &entry.definition;
    let mut command = Command::new(&file);
    command.args(helper_args(context, &entry.program)).arg(operation.name());
    let home = &context.folders.home;
    // The suite's own need no home to be started in.
    command.current_dir(if entry.is_of_suite() && !home.is_dir() { Path::new("/") } else { home });
    command.envs(claude_config_dir.map(|folder| ("CLAUDE_CONFIG_DIR", folder)));
    context.hand_down(&context.active.with(key), &mut command);
    let task = Task { command, input: message.to_bytes(), max_stdout: MAX_MESSAGE, deadline, own_group };
    task.run().map_err(|ending| match ending {
        RunError::Interrupted(signal) => Failure::Interrupted(signal),
        RunError::Start(_) => Error::config(format!("{} {ending}", text::shown_path(&file))).into(),
        _ => Error::broke(format!("the helper {ending}; look at the helper of {}", place(entry))).into(),
    })
}

fn run_command(
    context: &Context,
    mut command: Command,
    entry: &Entry,
    key: &str,
    Limits { deadline, own_group }: Limits,
) -> Result<Option<Credential>, Failure> {
    let active = &context.active.with(key);
    context.hand_down(active, &mut command);
    let command = KeyCommand {
        command,
        folder: &context.folders.home,
        active,
        deadline,
        own_group,
        none_exit: &entry.none_exit,
        stderr: if entry.stderr_is_error { StderrRule::Refuse } else { StderrRule::Accept },
    };
    match command.run() {
        Err(signal) => Err(Failure::Interrupted(signal)),
        Ok(Err(error)) => {
            let message = format!("{error}; to see why, run the command in {} by hand", place(entry));
            Err(Error::new(error.class(), message).into())
        }
        Ok(Ok(secret)) => Ok(secret.map(|secret| {
            let auth = if entry.kind == Kind::Bearer { Auth::Bearer(secret) } else { Auth::ApiKey(secret) };
            Credential::new(auth).from_source("command")
        })),
    }
}

/// The file that the first word of a command names, which may not be there. A bare name is looked for only in PATH's
/// absolute folders: the command runs in the working directory, which may be a clone of another user's repository.
pub(crate) fn executable(context: &Context, word: &OsStr) -> Option<PathBuf> {
    if word.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(word));
    }
    word.to_str().filter(|name| !name.is_empty()).and_then(|name| find_on_path(name, path(context)))
}

/// The executable that a command's first word names, which is never looked for in the working directory.
fn resolve(context: &Context, word: &str) -> Result<PathBuf, Error> {
    if Path::new(word).is_absolute() {
        return Ok(PathBuf::from(word));
    }
    if let Some(below) = word.strip_prefix("~/") {
        return Ok(context.folders.home.join(below));
    }
    let file = if word.contains('/') { None } else { find_on_path(word, path(context)) };
    file.ok_or_else(|| Error::config(format!("{} is not on PATH; write its absolute path", text::shown(word))))
}

/// The result of a helper's exit and output: a complete answer, `None`, or a failure.
fn read_answer(finished: &Finished, request: &Request, entry: &Entry) -> Result<Option<Credential>, Error> {
    let answer = Message::parse(&finished.stdout);
    let speaks_v1 = answer.as_ref().is_ok_and(|answer| Capabilities::from_message(answer).claude_v1);
    if finished.ended == Ended::Exit(2) && entry.is_of_suite() {
        // The helpers of this suite exit so at an unknown option, before they can announce anything.
        return Err(Error::config(format!("the helper does not know an option; mend `args` of {}", place(entry))));
    }
    if let Some(error) = failure(finished, speaks_v1) {
        return Err(error);
    }
    let malformed = |what: &str| {
        Error::new(Class::Malformed, format!("the helper's answer {what}; look at the helper of {}", place(entry)))
    };
    let answer = answer.map_err(|error| malformed(&format!("is a {error}")))?;
    if answer.flag("quit") {
        return Err(Error::broke("the helper ended the search with `quit`"));
    }
    // With claude.v1 every message ends with an empty line, and without it at least every line ends: this message was
    // cut off, perhaps in the middle of a key.
    if (speaks_v1 && !answer.ended()) || answer.is_cut() {
        return Err(malformed("is cut off"));
    }
    if let Some(key) = request.contradicted_by(&answer) {
        return Err(malformed(&format!("is for another `{key}`")));
    }
    let credential = Credential::from_message(&answer).map_err(|error| malformed(&format!("is a {error}")))?;
    if speaks_v1 && credential.as_ref().is_some_and(Credential::is_expired) {
        return Err(malformed("has expired already"));
    }
    // A refresh token is passed on only if the user marked the entry for it.
    Ok(credential.map(|credential| Credential {
        refresh_token: credential.refresh_token.filter(|_| entry.refresh_token),
        ..credential
    }))
}

fn failure(finished: &Finished, says_class: bool) -> Option<Error> {
    let code = match finished.ended {
        Ended::Exit(0) => return None,
        // The stderr of another author's program may contain secrets, so none of it is repeated.
        Ended::Exit(code) if says_class => code,
        ended => return Some(Error::broke(format!("the helper {ended}"))),
    };
    // The helper's own name in front is removed, since the entry's name is put there.
    let message = text::last_line_of_ours(&finished.stderr).unwrap_or_else(|| format!("the helper exited {code}"));
    Some(Error::new(Class::from_exit_code(code), message))
}
