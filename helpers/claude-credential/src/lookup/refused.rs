use claude_credential_protocol::Secret;

use crate::chain::entry::Resolved;

/// A secret that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) secret: Secret,
    /// The entry that gave it, the only one to be told; `None` if that is not known.
    pub(crate) entry: Option<String>,
    /// The answer that holds it, if the refusal is inferred from Claude Code coming back for a key too soon. The inference
    /// may be wrong, and Claude Code comes back for ever, so runs are throttled; in between this answer is served.
    pub(crate) inferred: Option<Resolved>,
}
