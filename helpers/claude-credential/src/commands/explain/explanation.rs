use claude_credential_protocol::Error;

use super::client::Client;
use super::identity::Salted;
use super::trace::Trace;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;

/// All that `explain` reports, before it is written for the user or for programs.
pub(super) struct Explanation<'a> {
    pub(super) context: &'a Context,
    pub(super) salted: Salted,
    pub(super) asked: Result<Question, Error>,
    pub(super) client: Client,
}

/// The query, and what comes of it.
pub(super) struct Question {
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
        match &self.asked {
            Err(error) => error.class().exit_code(),
            Ok(asked) => asked.trace.failure.as_ref().map_or(0, Failure::exit_code),
        }
    }
}
