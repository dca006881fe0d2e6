use std::time::{Duration, Instant};

use claude_credential_config::{Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::Request;

/// A request and what the sources need to answer it.
pub(crate) struct SourceContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) active: &'a Active,
    /// When the caller gives up.
    pub(crate) until: Instant,
}

impl SourceContext<'_> {
    /// The time until the caller gives up.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}
