//! `login`, `logout` and `status` of one entry, which its helper runs at the user's terminal. To Claude Code's own login
//! only the official client signs in and out.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use claude_credential_config::{Program, generation};
use claude_credential_process::{Ended, RunError, Task, find_on_path, run_attached};
use claude_credential_protocol::{Class, Error, text};
use zeroize::Zeroizing;

use crate::chain::{ResolvedEntry, program, resolve};
use crate::cli::SignIn;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::profile;

/// How long a helper may take to list its capabilities.
const CAPABILITY_TIMEOUT: Duration = Duration::from_secs(5);

/// `word` is `login`, `logout` or `status`.
pub(crate) fn run(context: &Context, word: &str, sign_in: &SignIn) -> Result<u8, Failure> {
    let SignIn { name, options } = sign_in;
    context.log.show_progress();
    if name == "claude" && !context.config.entries.contains_key(name) {
        return claude(context, word, options);
    }
    let file = context.config.file_shown();
    let entry = resolve(name, &profile::choose(context)?, context).ok_or_else(|| {
        let name = text::shown(name);
        Error::config(format!(
            "{name} is no entry or provider in {file}; to store a key, run: claude-credential login api-key"
        ))
    })?;
    let of_provider = Program::Helper { name: "oauth".to_owned(), args: vec!["--provider".to_owned(), name.clone()] };
    if context.config.providers.contains_key(name) && entry.definition.program != of_provider {
        return Err(Error::config(format!(
            "{file}: [entry.{name}] has the name of [provider.{name}], but does not use it; rename one of them"
        ))
        .into());
    }
    Ok(exit_code(status(context, &entry, word, options)?))
}

/// Runs `word` with the helper of `entry`, and returns how the helper ended.
pub(crate) fn status(
    context: &Context,
    entry: &ResolvedEntry,
    word: &str,
    options: &[OsString],
) -> Result<ExitStatus, Failure> {
    let Program::Helper { name, .. } = entry.program() else {
        return Err(Error::config(format!(
            "entry {} is a command, which has no {word}; sign in with its own tool",
            entry.name()
        ))
        .into());
    };
    let file = program::locate(context, name).ok_or_else(|| program::not_installed(name, &entry.definition))?;
    let mut args = program::helper_args(context, entry.program());
    let mut options = options.to_vec();
    // A key is kept for a host: that of the command line or of the entry, else the profile's first.
    if name == "apikey" {
        let profile = profile::choose(context)?;
        let named = host(&options);
        // A key for a host that the profile does not list would never be used; one that is kept can go.
        let wanted = named.as_deref().filter(|_| word == "login");
        let host = profile::host_for_user(context, &profile, wanted)?;
        if named.is_none() && !args.iter().any(|arg| arg == "--host") {
            args.extend(["--host".into(), host.as_listed().into()]);
        } else if wanted.is_some() {
            // For the whole line of `hosts`, since that is what is asked for, and not for a path below it.
            options = with_host(&options, &host.as_listed());
        }
    }
    if !is_capable(context, &file, word)? {
        return Err(Error::config(format!("the helper {name} of entry {} has no {word}", entry.name())).into());
    }
    let mut command = Command::new(&file);
    command.args(args).arg(word).args(options);
    command.envs(entry.claude_config_dir.iter().map(|folder| ("CLAUDE_CONFIG_DIR", folder)));
    context.hand_down(&context.active, &mut command);
    let status = run_attached(&mut command);
    let status = status.map_err(|error| Error::config(format!("{} can't be started: {error}", file.display())))?;
    if status.success() && word != "status" {
        // What was cached before may belong to another account.
        generation::touch(&context.folders)?;
    }
    Ok(status)
}

/// The host that the options of the helper name.
fn host(options: &[OsString]) -> Option<String> {
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let mut words = options.iter().map(text).skip_while(|word| word != "--host" && !word.starts_with("--host="));
    let word = words.next()?;
    word.strip_prefix("--host=").map(str::to_owned).or_else(|| words.next())
}

/// The options with another host in place of theirs.
fn with_host(options: &[OsString], host: &str) -> Vec<OsString> {
    let mut is_value = false;
    let replaced = options.iter().map(|word| {
        let was_value = std::mem::replace(&mut is_value, word == "--host");
        if was_value {
            host.into()
        } else if word.to_string_lossy().starts_with("--host=") {
            format!("--host={host}").into()
        } else {
            word.clone()
        }
    });
    replaced.collect()
}

/// Whether the helper in `file` announces the command `word`.
fn is_capable(context: &Context, file: &std::path::Path, word: &str) -> Result<bool, Failure> {
    let mut command = Command::new(file);
    command.arg("capability");
    context.hand_down(&context.active, &mut command);
    let _waiting = context.log.waiting(|| format!("{} to say what it can do", file.display()));
    let deadline = Instant::now() + CAPABILITY_TIMEOUT;
    let task = Task { command, input: Zeroizing::default(), max_stdout: 64 * 1024, deadline, own_group: true };
    let finished = task.run().map_err(|ending| match ending {
        RunError::Interrupted(signal) => Failure::Interrupted(signal),
        ending => Error::broke(format!("{} {ending}", file.display())).into(),
    })?;
    let capability = format!("capability claude.{word}");
    let stdout = String::from_utf8_lossy(&finished.stdout);
    Ok(finished.ended == Ended::Exit(0) && stdout.lines().any(|line| line == capability))
}

/// Runs `word` for Claude Code's own login. Only the official client signs accounts of claude.ai in and out, as
/// Anthropic's terms ask. The oauth helper runs `status`, which reads the login and changes nothing.
fn claude(context: &Context, word: &str, options: &[OsString]) -> Result<u8, Failure> {
    let mut command = if word == "status" { status_command(context)? } else { official_client(context, word)? };
    command.args(options);
    if let Some(folder) = profile::choose(context)?.claude_config_dir {
        command.env("CLAUDE_CONFIG_DIR", folder);
    }
    context.hand_down(&context.active, &mut command);
    let status = run_attached(&mut command);
    let shown = command.get_program().display();
    let status = status.map_err(|error| Error::config(format!("{shown} can't be started: {error}")))?;
    if word != "status" {
        generation::touch(&context.folders)?;
    }
    Ok(exit_code(status))
}

fn official_client(context: &Context, word: &str) -> Result<Command, Failure> {
    let path = context.environment.get_os("PATH").unwrap_or_default();
    let client = find_on_path("claude", path).ok_or_else(|| {
        Error::config("signing in to claude.ai is the official client's own work, and it is not on PATH; install Claude Code, then run: claude auth login")
    })?;
    // If stderr is closed, the command runs all the same.
    let _ = writeln!(io::stderr(), "claude-credential: this is Claude Code's own work; running: claude auth {word}");
    let mut command = Command::new(client);
    command.arg("auth").arg(word);
    Ok(command)
}

fn status_command(context: &Context) -> Result<Command, Failure> {
    let args = vec!["--source".to_owned(), "claude".to_owned()];
    let helper = Program::Helper { name: "oauth".to_owned(), args };
    let file = program::locate(context, "oauth").ok_or_else(|| {
        Error::config("claude-credential-oauth is not installed; put it beside claude-credential or on PATH")
    })?;
    let mut command = Command::new(file);
    command.args(program::helper_args(context, &helper)).arg("status");
    Ok(command)
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(Class::Broke.exit_code())
}
