//! What the fast path has read and computed before it gives up, so that the full lookup need not do it again.

use claude_credential_config::Environment;
use claude_credential_protocol::{Error, Message};

use crate::cache::FastKey;

pub(crate) struct Prelude {
    pub(crate) environment: Environment,
    /// The key under which a hit may be recorded; `None` if it can't be recorded.
    pub(crate) fast_key: Option<FastKey>,
    /// The message on stdin, if it has been read.
    pub(crate) message: Option<Result<Message, Error>>,
}

impl Prelude {
    pub(crate) fn here() -> Self {
        Self { environment: Environment::here(), fast_key: None, message: None }
    }
}
