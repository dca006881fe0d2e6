use std::path::Path;
use std::process::Command;
use std::time::Instant;

use claude_credential_protocol::{Error, Secret, parse_token};
use zeroize::Zeroizing;

use crate::{Active, Ended, Finished, Interrupted, RunError, Task};

/// Enough for the longest key with white space around it; more is no key.
const MAX_STDOUT: usize = 64 * 1024;

/// A command that prints a key, held to the contract of Claude Code's `apiKeyHelper`.
#[derive(Debug)]
pub struct KeyCommand<'a> {
    /// What to run, with its arguments.
    pub command: Command,
    /// Where to run it: the user's home, never a folder that others may have filled.
    pub folder: &'a Path,
    /// What is being asked for above it.
    pub active: &'a Active,
    /// When it is stopped.
    pub deadline: Instant,
    /// A group of its own: not where it may have to ask the person at the terminal.
    pub own_group: bool,
    /// Exit codes that mean "none", where the user said so.
    pub none_exit: &'a [i32],
    /// How output on stderr is treated.
    pub stderr: StderrRule,
}

/// What output on stderr means together with exit code 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StderrRule {
    /// Nothing: as the client does.
    #[default]
    Accept,
    /// A failure: as the client's documentation says.
    Refuse,
}

impl KeyCommand<'_> {
    /// The key that it prints; `None` only if its exit code is one of `none_exit`. The outer `Err` means that we
    /// received a signal and have to end.
    pub fn run(self) -> Result<Result<Option<Secret>, Error>, Interrupted> {
        let Self { mut command, folder, active, deadline, own_group, none_exit, stderr } = self;
        command.current_dir(folder);
        active.hand_down(&mut command);
        let task = Task { command, input: Zeroizing::default(), max_stdout: MAX_STDOUT, deadline, own_group };
        match task.run() {
            Ok(finished) => Ok(judge(&finished, none_exit, stderr)),
            Err(RunError::Interrupted(signal)) => Err(signal),
            // What is missing or not executable is the user's to mend.
            Err(RunError::Start(error)) => Ok(Err(Error::config(format!("the command can't be started: {error}")))),
            Err(failure) => Ok(Err(Error::broke(format!("the command {failure}")))),
        }
    }
}

fn judge(finished: &Finished, none_exit: &[i32], stderr: StderrRule) -> Result<Option<Secret>, Error> {
    // None of the command's output is repeated: its stderr may hold a secret.
    match finished.ended {
        Ended::Exit(code) if none_exit.contains(&code) => Ok(None),
        Ended::Exit(0) if stderr == StderrRule::Refuse && !finished.stderr.trim_ascii().is_empty() => {
            Err(Error::broke("the command wrote to stderr, which `stderr = \"error\"` forbids"))
        }
        Ended::Exit(0) => match parse_token(&finished.stdout) {
            Ok(key) => Ok(Some(key)),
            Err(problem) => Err(Error::broke(format!("what the command printed is no key: {problem}"))),
        },
        ended if ended.is_not_runnable() => {
            Err(Error::config(format!("the command {ended}: not executable, or not found")))
        }
        ended => Err(Error::broke(format!("the command {ended}"))),
    }
}
