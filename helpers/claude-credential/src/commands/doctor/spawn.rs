use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use claude_credential_process::{Ended, Finished, RunError, Task};
use zeroize::Zeroizing;

use super::check_context::CheckContext;

/// More than any of the programs that are run here prints.
const MAX_STDOUT: usize = 64 * 1024;

/// Runs a program that may not ask the user at the terminal.
pub(super) fn run(check_context: &CheckContext, command: Command, timeout: Duration) -> Result<Finished, RunError> {
    run_with_input(check_context, command, Zeroizing::default(), timeout)
}

pub(super) fn run_with_input(
    check_context: &CheckContext,
    mut command: Command,
    input: Zeroizing<Vec<u8>>,
    timeout: Duration,
) -> Result<Finished, RunError> {
    let context = &check_context.context;
    context.hand_down(&context.active, &mut command);
    let deadline = Instant::now() + timeout;
    let outcome = Task { command, input, max_stdout: MAX_STDOUT, deadline, own_group: true }.run();
    if let Err(RunError::Interrupted(signal)) = outcome {
        check_context.interrupted.set(Some(signal));
    }
    outcome
}

/// The version that an executable of the suite reports.
pub(super) fn version(check_context: &CheckContext, file: &Path) -> Option<String> {
    const TIMEOUT: Duration = Duration::from_secs(5);
    let mut command = Command::new(file);
    command.arg("--version");
    let finished = run(check_context, command, TIMEOUT).ok().filter(|finished| finished.ended == Ended::Exit(0))?;
    let stdout = String::from_utf8_lossy(&finished.stdout).into_owned();
    let word = stdout.lines().next()?.split_whitespace().last()?;
    word.starts_with(|c: char| c.is_ascii_digit()).then(|| word.to_owned())
}
