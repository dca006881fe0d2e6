use std::error::Error as StdError;
use std::io;

use claude_credential_protocol::Error;
use rustls::CertificateError;

/// Why a request got no usable answer.
#[derive(Debug)]
pub(crate) enum TransportError {
    Unreachable(String),
    Timeout,
    Interrupted(String),
    Redirect(u16),
    TooLarge,
    /// A header has characters that can't be sent.
    InvalidHeader,
    /// The server's certificate is not trusted.
    Certificate(CertificateError),
    /// A variable or a file of the user's stands in the way.
    Setting(Error),
}

impl TransportError {
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        // The deepest cause says most, and has no URL in it.
        let mut cause: &dyn StdError = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let why = cause.to_string();
        if let Some(certificate) = certificate_error(error) {
            return Self::Certificate(certificate);
        }
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

/// What is wrong with the server's certificate, if that is the reason.
fn certificate_error(error: &(dyn StdError + 'static)) -> Option<CertificateError> {
    let mut next = Some(error);
    while let Some(cause) = next {
        // An I/O error is not the source of what it holds.
        let held = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let held = held.and_then(|held| held.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(problem)) = held.or_else(|| cause.downcast_ref()) {
            return Some(problem.clone());
        }
        next = cause.source();
    }
    None
}
