use claude_credential_protocol::Secret;

use crate::chain::Resolved;

/// A secret that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) secret: Secret,
    /// The entry that gave the secret, which is told of the refusal; `None` if it is not known.
    pub(crate) entry: Option<String>,
    /// The answer with the secret, if the refusal is inferred: Claude Code came back for a key too soon. The inference
    /// may be wrong, and Claude Code comes back without end, so runs are throttled; in between, this answer is served.
    pub(crate) inferred: Option<Resolved>,
}
