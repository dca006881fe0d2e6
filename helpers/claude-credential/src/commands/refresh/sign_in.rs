//! The command that signs in when the credential of an entry is not good.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use std::time::{Duration, Instant};

use claude_credential_config::claude::{self, CommandSetting};
use claude_credential_process::{Ended, Finished, Relay, RunError};
use claude_credential_protocol::{Class, Error, Interactive, text};

use crate::chain::{ResolvedEntry, program};
use crate::client::cloud::Cloud;
use crate::context::Context;
use crate::failure::Failure;

/// How long the command may run: as long as Claude Code lets it run, since the user may have to find their phone.
pub(crate) const LIMIT: Duration = Duration::from_mins(3);

/// How many characters of the command's output a message quotes, so that what mends the matter still fits behind them.
const MAX_QUOTED: usize = 300;

#[derive(Debug, Clone)]
pub(crate) enum SignInCommand {
    /// The words behind `--`.
    Words(Vec<OsString>),
    /// The command of one of Claude Code's settings.
    Setting(CommandSetting),
}

impl SignInCommand {
    /// The command on the command line; else, for a cloud, the one in Claude Code's settings.
    pub(crate) fn choose(context: &Context, entry: &ResolvedEntry, words: &[OsString]) -> Result<Self, Error> {
        if !words.is_empty() {
            return Ok(Self::Words(words.to_vec()));
        }
        let cloud = Cloud::of_program(entry.program());
        let entry = entry.name();
        let Some(cloud) = cloud else {
            return Err(Error::config(format!(
                "there is no command to sign in for {entry} with; name it: claude-credential refresh {entry} -- COMMAND"
            )));
        };
        let name = cloud.auth_refresh();
        let reason = match claude::command(&context.folders, name)? {
            Some(setting) if claude::leads_to_us(&setting.command) => {
                format!("{name} in {} is this program", setting.file.display())
            }
            Some(setting) => return Ok(Self::Setting(setting)),
            None => format!("Claude Code's settings have no {name}"),
        };
        Err(Error::config(format!(
            "there is no command to sign in for {entry} with: {reason}; name it, as in: claude-credential refresh \
             {entry} -- {}",
            cloud.usual_sign_in()
        )))
    }

    /// The parts of the sign-in key that identify this command.
    pub(crate) fn parts(&self) -> Vec<&[u8]> {
        match self {
            Self::Words(words) => words.iter().map(|word| word.as_bytes()).collect(),
            Self::Setting(setting) => vec![b"/bin/sh", b"-c", setting.command.as_bytes()],
        }
    }

    /// Runs the command to its end, and shows the user its output as it comes.
    pub(crate) fn run(&self, context: &Context, key: &str) -> Result<(), Failure> {
        let mut command = self.command(context)?;
        let at_terminal = context.interactive() == Interactive::Auto;
        let outcome = context.active.under(key, &context.folders.runtime, |active| {
            context.hand_down(active, &mut command);
            Relay { command, deadline: Instant::now() + LIMIT, at_terminal }.run()
        });
        let outcome = outcome.ok_or_else(|| self.runs_itself())?;
        let by_hand = format!("run it by hand: {}", self.shown());
        Err(match outcome {
            Ok(finished) => return Ok(self.check(&finished)?),
            Err(RunError::Interrupted(signal)) => return Err(Failure::Interrupted(signal)),
            Err(RunError::TimedOut) => {
                let minutes = LIMIT.as_secs() / 60;
                Error::unavailable(format!(
                    "the command did not end within {minutes} minutes and was stopped; {by_hand}"
                ))
            }
            Err(ending @ RunError::Start(_)) => Error::config(format!("the command {ending}; {by_hand}")),
            Err(ending) => Error::broke(format!("the command {ending}; {by_hand}")),
        }
        .into())
    }

    /// The error for a command that starts the `refresh` that runs it, which would never end.
    pub(crate) fn runs_itself(&self) -> Error {
        Error::config(format!("the command runs this very command; name another one than: {}", self.shown()))
    }

    fn command(&self, context: &Context) -> Result<Command, Error> {
        match self {
            Self::Words(words) => {
                let (word, arguments) = (&words[0], &words[1..]);
                let file = program::executable(context, word).ok_or_else(|| {
                    let word = text::shown_path(word.as_ref());
                    Error::config(format!("{word} is not on PATH; install it, or write its absolute path"))
                })?;
                let mut command = Command::new(file);
                command.args(arguments);
                Ok(command)
            }
            Self::Setting(setting) => Ok(program::shell(&setting.command)),
        }
    }

    fn check(&self, finished: &Finished) -> Result<(), Error> {
        let ended = finished.ended;
        if ended == Ended::Exit(0) {
            return Ok(());
        }
        // Signing in does not mend a command that is not there.
        let class = if ended.is_not_runnable() { Class::Config } else { Class::SignIn };
        // This session's user has seen the output; those of the sessions that wait have not.
        let line = text::last_line(&finished.stderr).or_else(|| text::last_line(&finished.stdout));
        let line = line.filter(|line| !text::is_secret_like(line));
        let quoted = line.map(|line| format!(": {}", line.chars().take(MAX_QUOTED).collect::<String>()));
        let quoted = quoted.unwrap_or_default();
        Err(Error::new(class, format!("the command {ended}{quoted}; run it by hand: {}", self.shown())))
    }

    /// The command as the user would type it; without what seems to be a secret in it.
    fn shown(&self) -> String {
        match self {
            Self::Words(words) => {
                let words = words.iter().map(|word| word.to_string_lossy());
                let shown = |word: &str| if text::is_secret_like(word) { "…".to_owned() } else { text::quoted(word) };
                words.map(|word| shown(&word)).collect::<Vec<_>>().join(" ")
            }
            Self::Setting(CommandSetting { command, file }) if text::is_secret_like(command) => {
                format!("it seems to have a secret in it, and stands in {}", file.display())
            }
            Self::Setting(setting) => setting.command.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use claude_credential_process::{Ended, Finished};
    use claude_credential_protocol::Class;

    use super::SignInCommand;

    fn check(ended: Ended, stdout: &str, stderr: &str) -> Result<(), (Class, String)> {
        let words = ["aws", "sso", "login", "--profile", "my work"].map(OsString::from);
        let finished =
            Finished { ended, stdout: stdout.as_bytes().to_vec().into(), stderr: stderr.as_bytes().to_vec().into() };
        let checked = SignInCommand::Words(words.to_vec()).check(&finished);
        checked.map_err(|error| (error.class(), error.to_string()))
    }

    #[test]
    fn a_failure_quotes_the_last_line_and_ends_with_the_command() {
        let by_hand = "run it by hand: aws sso login --profile 'my work'";
        let error = check(Ended::Exit(1), "out\n", "first\nno\x1b[2J such profile\n\n").unwrap_err();
        assert_eq!(error, (Class::SignIn, format!("the command exited 1: no?[2J such profile; {by_hand}")));
        let error = check(Ended::Exit(127), "out\n", "").unwrap_err();
        assert_eq!(error, (Class::Config, format!("the command exited 127: out; {by_hand}")));
        let error = check(Ended::Signal(9), "", "").unwrap_err();
        assert_eq!(error, (Class::SignIn, format!("the command was ended by signal 9; {by_hand}")));
        assert!(check(Ended::Exit(1), "", &"x".repeat(9000)).unwrap_err().1.ends_with(by_hand));
        assert_eq!(check(Ended::Exit(0), "", "a warning"), Ok(()));
    }
}
