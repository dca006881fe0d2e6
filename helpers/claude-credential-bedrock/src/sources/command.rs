use std::process::Command;

use claude_credential_config::claude;
use claude_credential_process::{Active, Ended, Finished, Task};
use claude_credential_protocol::{Class, Error, Interactive, text};
use zeroize::Zeroizing;

use crate::document;
use crate::keys::Keys;
use crate::source_context::SourceContext;

/// More than any document with credentials in it.
const MAX_DOCUMENT: usize = 256 * 1024;

/// The keys that a shell command of the user's prints. `whose` it is, is said in front of every error; `active` is what
/// it is told of the questions above it.
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

/// Nothing that a command said is repeated: nobody knows what else is on its stderr.
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

/// What one of our own programs said last: of that we know what it is, and what its exit code means.
fn own_message(line: &str, finished: &Finished) -> Option<String> {
    let said = text::last_line(&finished.stderr).filter(|said| said.starts_with("claude-credential"))?;
    claude::leads_to_us(line).then(|| text::last_line_of_ours(said.as_bytes()))?
}
