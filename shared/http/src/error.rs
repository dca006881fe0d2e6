use std::error::Error as StdError;

use claude_credential_protocol::Error;

/// Why a request got no usable answer.
#[derive(Debug)]
pub(crate) enum TransportError {
    Unreachable(String),
    Timeout,
    Interrupted(String),
    Redirect(u16),
    TooLarge,
    /// What the user configured for this server can't be used.
    Settings(Error),
    /// A header has characters that can't be sent.
    InvalidHeader,
}

impl TransportError {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        // The deepest cause says most, and has no URL in it.
        let mut cause: &dyn StdError = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let why = cause.to_string();
        // First: a connection that took too long is both.
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() || error.is_builder() {
            Self::Unreachable(why)
        } else {
            Self::Interrupted(why)
        }
    }
}
