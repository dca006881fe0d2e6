use std::fmt;
use std::time::Duration;

use claude_credential_protocol::{Error, Seconds, now};
use reqwest::RequestBuilder;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::TransportError;

/// The largest answer that is read.
pub(crate) const MAX_ANSWER: usize = 1 << 20;

/// An HTTP response of any status.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// When the answered attempt began, in seconds since the epoch. Earlier attempts don't count.
    pub asked: Seconds,
    headers: Box<HeaderMap>,
    body: Zeroizing<Vec<u8>>,
}

// Written by hand: header and body may contain secrets.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, asked, headers: _, body } = self;
        f.debug_struct("Answer")
            .field("status", status)
            .field("asked", asked)
            .field("date", &self.date())
            .field("retry_after", &self.retry_after())
            .field("length", &body.len())
            .finish()
    }
}

impl Answer {
    /// Parses the body as JSON. The error quotes nothing of it.
    pub fn json<T: DeserializeOwned>(&self, host: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column, status) = (error.line(), error.column(), self.status);
            let what = "is not the JSON that it should be";
            Error::unavailable(format!("what {host} answered, with status {status}, {what}: line {line}:{column}"))
        })
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The value of a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn may_change(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..=599)
    }

    /// The server's time, from the `Date` header.
    #[must_use]
    pub fn date(&self) -> Option<Seconds> {
        seconds_of(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// By how many seconds this machine's clock is ahead of the server's.
    #[must_use]
    pub fn clock_ahead(&self) -> Option<i64> {
        clock_ahead(self.headers.get(DATE)?.to_str().ok()?)
    }

    /// The `Retry-After` header: seconds, or a date by the server's clock.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = seconds_of(value)?;
        Some(Duration::from_secs(at.saturating_sub(self.date().unwrap_or(now() / 1000))))
    }
}

/// By how many seconds this machine's clock is ahead of that of a server, whose answer with this `Date` header (RFC 9110,
/// 6.6.1) has just come; negative if it is behind.
#[must_use]
pub fn clock_ahead(date: &str) -> Option<i64> {
    Some(i64::try_from(now() / 1000).ok()? - i64::try_from(seconds_of(date)?).ok()?)
}

fn seconds_of(date: &str) -> Option<Seconds> {
    let date = httpdate::parse_http_date(date).ok()?;
    date.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

pub(crate) async fn exchange(request: RequestBuilder) -> Result<Answer, TransportError> {
    let asked = now() / 1000;
    let mut response = request.send().await.map_err(|error| TransportError::of(&error))?;
    let status = response.status();
    let headers = Box::new(response.headers().clone());
    let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
    while let Some(chunk) = response.chunk().await.map_err(|error| TransportError::of(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(TransportError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: status.as_u16(), asked, headers, body })
}
