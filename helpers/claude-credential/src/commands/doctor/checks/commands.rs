use std::process::Command;
use std::time::Duration;

use claude_credential_config::{Entry, Program};
use claude_credential_process::Ended;
use claude_credential_protocol::{Error, parse_token};

use super::{CheckContext, Finding, or_good, spawn};
use crate::chain::{Availability, program};

/// As long as one lookup has for all of its entries.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs each command of the chain once, and throws its key away: only so can a check see what it writes to stderr. Claude
/// Code's documentation forbids output there with exit 0, and a version that enforces this would refuse the key.
pub(in super::super) fn speak_as_they_should(check_context: &CheckContext) -> Vec<Finding> {
    let entries = check_context.entries();
    let commands = entries.iter().filter(|entry| matches!(entry.availability, Availability::Ready));
    let mut count = 0;
    let mut found = Vec::new();
    for entry in commands.map(|entry| &entry.definition) {
        let command = match &entry.program {
            Program::Helper { .. } => continue,
            Program::Command(words) => program::command(&check_context.context, words),
            Program::Shell(script) => Ok(program::shell(script)),
        };
        count += 1;
        // Another check reports a command that is not there.
        let Ok(command) = command else { continue };
        if let Err(error) = run(check_context, entry, command) {
            let finding = Finding::of(&error);
            let mend = finding.mend.clone().unwrap_or_default();
            found.push(if entry.on_error_next { Finding::doubtful(&finding.message, mend) } else { finding });
        }
    }
    match (found.is_empty(), count) {
        (true, 0) => vec![Finding::good("the chain runs none")],
        _ => or_good(found, || format!("each printed one key, or had none, and nothing else: {count}")),
    }
}

fn run(check_context: &CheckContext, entry: &Entry, mut command: Command) -> Result<(), Error> {
    let name = &entry.name;
    let place = entry.place.as_deref().unwrap_or("config.toml");
    let wrong =
        |what: String| Error::broke(format!("{place}: the command of entry {name} {what}; mend [entry.{name}]"));
    command.current_dir(&check_context.context.folders.home);
    let finished = spawn::run(check_context, command, TIMEOUT).map_err(|failure| wrong(failure.to_string()))?;
    match finished.ended {
        Ended::Exit(code) if entry.none_exit.contains(&code) => Ok(()),
        Ended::Exit(0) => {
            parse_token(&finished.stdout).map_err(|problem| wrong(format!("printed what is no key: {problem}")))?;
            if finished.stderr.trim_ascii().is_empty() {
                return Ok(());
            }
            // Only a shell understands 2>.
            let mend = match &entry.program {
                Program::Command(_) => "in the place of its command, write: shell = \"… 2>/dev/null\"",
                _ => "add to it: 2>/dev/null",
            };
            // The message repeats none of the output, which may hold a secret.
            Err(Error::broke(format!(
                "{place}: the command of entry {name} wrote to stderr and exited 0, which Claude Code's documentation \
                 forbids; {mend}"
            )))
        }
        ended => Err(wrong(ended.to_string())),
    }
}
