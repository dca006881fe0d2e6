use std::process::Command;

use claude_credential_config::claude;
use claude_credential_process::{Active, Ended, Finished, Task};
use claude_credential_protocol::{Class, Error, Interactive, text};
use zeroize::Zeroizing;

use crate::document;
use crate::keys::Keys;
use crate::source_context::SourceContext;

/// Larger than any credentials document.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Runs a shell command of the user's and reads the keys that it prints. Every error starts with `whose`. `active`
/// tells the command which requests it runs under.
pub(crate) fn keys(context: &SourceContext<'_>, line: &str, whose: &str, active: &Active) -> Result<Keys, Error> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).current_dir(&context.folders.home);
    active.hand_down(&mut command);
    let own_group = context.request.interactive == Interactive::Never;
    let task =
        Task { command, input: Zeroizing::default(), max_stdout: MAX_DOCUMENT, deadline: context.until, own_group };
    let finished = task.run().map_err(|failure| Error::broke(format!("{whose}: the command {failure}")))?;
    succeeded(line, whose, &finished)?;
    let what = |problem| Error::broke(format!("{whose}: what the command printed {problem}"));
    document::parse(&finished.stdout).map_err(what)
}

/// Nothing of the command's stderr is repeated, since it may contain secrets.
fn succeeded(line: &str, whose: &str, finished: &Finished) -> Result<(), Error> {
    Err(match finished.ended {
        Ended::Exit(0) => return Ok(()),
        ended if ended.is_not_runnable() => {
            Error::config(format!("{whose}: the command {ended}: not executable, or not found"))
        }
        ended @ Ended::Exit(code) => match own_message(line, finished) {
            Some(said) => Error::new(Class::from_exit_code(code), format!("{whose}: {said}")),
            None => Error::broke(format!("{whose}: the command {ended}; run it by hand to see why")),
        },
        ended @ Ended::Signal(_) => Error::broke(format!("{whose}: the command {ended}")),
    })
}

/// The last message of a command that is one of our own executables, whose messages and exit codes we know.
fn own_message(line: &str, finished: &Finished) -> Option<String> {
    let said = text::last_line(&finished.stderr).filter(|said| said.starts_with("claude-credential"))?;
    claude::leads_to_us(line).then(|| text::last_line_of_ours(said.as_bytes()))?
}
