use std::io;

use claude_credential_config::Environment;
use claude_credential_protocol::{Malformed, Message};

use crate::cache::front::Front;

/// What the long way need not do again.
pub(crate) struct Begun {
    pub(crate) environment: Environment,
    /// Where a hit may be written down; none where it can't.
    pub(crate) front: Option<Front>,
    pub(crate) request: Input,
}

impl Begun {
    pub(crate) fn here() -> Self {
        Self { environment: Environment::here(), front: None, request: None }
    }
}

/// What stood on stdin, where somebody has read it before.
pub(crate) type Input = Option<io::Result<Result<Message, Malformed>>>;
