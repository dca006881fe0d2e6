use claude_credential_protocol::Error;

use super::{ClientReport, SecretHasher, Trace};
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;

/// All that `explain` reports, before it is written for the user or for programs.
pub(super) struct Explanation<'a> {
    pub(super) context: &'a Context,
    pub(super) hasher: SecretHasher,
    /// The lookup; an error if the command would fail before it.
    pub(super) lookup: Result<TracedLookup, Error>,
    pub(super) client: ClientReport,
}

/// A query, and the trace of its lookup.
pub(super) struct TracedLookup {
    pub(super) query: Query,
    pub(super) profile_reason: String,
    pub(super) host_reason: String,
    pub(super) trace: Trace,
}

impl Explanation<'_> {
    /// The command that is explained.
    pub(super) fn command(&self) -> &'static str {
        if self.context.for_client { "api-key-helper" } else { "print" }
    }

    /// The exit code of that command.
    pub(super) fn exit_code(&self) -> u8 {
        match &self.lookup {
            Err(error) => error.class().exit_code(),
            Ok(lookup) => lookup.trace.outcome.as_ref().map_or_else(Failure::exit_code, |_| 0),
        }
    }
}
