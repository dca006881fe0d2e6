use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use claude_credential_process::{Ended, Finished, RunError, Task};
use zeroize::Zeroizing;

use super::check_context::CheckContext;

/// The most that one of ours has to say.
const MAX_SAID: usize = 64 * 1024;

/// A program asked something, with nobody at the terminal.
pub(super) fn ask(check_context: &CheckContext, command: Command, patience: Duration) -> Result<Finished, RunError> {
    tell(check_context, command, Zeroizing::default(), patience)
}

/// The same, with something to read.
pub(super) fn tell(
    check_context: &CheckContext,
    mut command: Command,
    input: Zeroizing<Vec<u8>>,
    patience: Duration,
) -> Result<Finished, RunError> {
    check_context.context.active.hand_down(&mut command);
    let deadline = Instant::now() + patience;
    let outcome = Task { command, input, max_stdout: MAX_SAID, deadline, own_group: true }.run();
    if let Err(RunError::Interrupted(signal)) = outcome {
        check_context.interrupted.set(Some(signal));
    }
    outcome
}

/// The version that an executable of the suite says it has.
pub(super) fn version(check_context: &CheckContext, file: &Path) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let mut command = Command::new(file);
    command.arg("--version");
    let finished = ask(check_context, command, PATIENCE).ok().filter(|finished| finished.ended == Ended::Exit(0))?;
    let said = String::from_utf8_lossy(&finished.stdout).into_owned();
    let word = said.lines().next()?.split_whitespace().last()?;
    word.starts_with(|c: char| c.is_ascii_digit()).then(|| word.to_owned())
}
