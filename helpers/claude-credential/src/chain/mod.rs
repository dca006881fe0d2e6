//! The entries of a chain, in priority order, and how one of them is asked.

mod builtin;
mod entry;
pub(crate) mod program;
mod resolve;

use std::time::Instant;

use claude_credential_protocol::{Credential, Kind, Request};

use crate::context::Context;
use crate::failure::Failure;

pub(crate) use entry::{AnswerOrigin, Availability, Dependency, EntryOutcome, Resolved, ResolvedEntry, Skip, Unusable};
pub(crate) use resolve::resolve;

/// Asks one entry:
///
/// - an answer ends the lookup;
/// - "none" goes on to the next entry;
/// - a failure ends the lookup, unless the entry says `on_error = "next"`: to go on silently from a broken sign-in to a
///   metered key would bill the wrong account.
///
/// `key` identifies this lookup to the processes that it starts. An `Err` is not an outcome of the entry: a signal
/// asked this process to end.
pub(crate) fn consult(
    context: &Context,
    entry: &ResolvedEntry,
    request: &Request,
    key: &str,
) -> Result<EntryOutcome, Failure> {
    match &entry.availability {
        Availability::Absent(reason) => return Ok(EntryOutcome::Skipped(Skip::new(reason))),
        Availability::Unusable(reason) => return Ok(EntryOutcome::Skipped(Skip::unusable(reason, None))),
        Availability::Broken(error) => return Ok(entry.failed(error.clone())),
        Availability::Ready | Availability::Variable => {}
    }
    let started = Instant::now();
    let answer = match program::ask(context, entry, request, key) {
        Ok(answer) => Ok(answer),
        Err(failure) => Err(failure.to_error().ok_or(failure)?),
    };
    context.log.entry_answered(entry.name(), &answer, started.elapsed());
    Ok(match answer {
        Err(error) => entry.failed(error),
        Ok(None) => EntryOutcome::Skipped(Skip::new("none")),
        Ok(Some(credential)) if credential.is_expired() => {
            EntryOutcome::Skipped(Skip::new("its credential has expired"))
        }
        Ok(Some(credential)) if context.for_client && !is_key(&credential) => {
            let kind = credential.auth.kind();
            EntryOutcome::Skipped(Skip::unusable(
                format!("a credential of kind {kind} can't be sent as a key"),
                Some(kind),
            ))
        }
        Ok(Some(credential)) => {
            let from_variable = credential.ephemeral && matches!(entry.availability, Availability::Variable);
            let origin = if from_variable { AnswerOrigin::Variable } else { AnswerOrigin::Asked };
            EntryOutcome::Found(Box::new(Resolved { credential, entry: entry.name().to_owned(), origin }))
        }
    })
}

/// Whether Claude Code can send the credential: it takes one key, and adds no headers.
pub(crate) fn is_key(credential: &Credential) -> bool {
    credential.auth.kind() != Kind::Aws && credential.headers.is_empty()
}
