//! What comes back from those who give tokens.

use std::time::{Duration, UNIX_EPOCH};

use claude_credential_http::{Answer, Call};
use claude_credential_protocol::{Error, Seconds, Secret, parse_token};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::source_context::SourceContext;

/// The time of one attempt.
pub(crate) const EACH: Duration = Duration::from_secs(10);

/// The last second of the year 9999, beyond which the wire says no time. A token that is said to be good for longer is a
/// good one, so the time is cut and the token is not refused.
const LAST: Seconds = 253_402_300_799;

/// An access token, and until when it is good.
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) expires_at: Option<Seconds>,
}

/// RFC 6749, 5.1.
#[derive(Deserialize)]
struct TokenResponse {
    #[serde(default)]
    access_token: String,
    token_type: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<Seconds>,
}

/// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeneratedToken {
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    expire_time: String,
}

impl Token {
    /// A token that `host` gave.
    pub(crate) fn of(secret: String, expires_at: Option<Seconds>, host: &str) -> Result<Self, Error> {
        let secret = Secret::from(secret);
        let token = parse_token(secret.expose().as_bytes());
        let secret = token.map_err(|problem| Error::unavailable(format!("{host} gave no token: {problem}")))?;
        Ok(Self { secret, expires_at: expires_at.map(|at| at.min(LAST)) })
    }

    pub(crate) fn from_response(answer: &Answer, host: &str) -> Result<Self, Error> {
        let TokenResponse { access_token, token_type, expires_in } = answer.json(host)?;
        if token_type.is_some_and(|token_type| !token_type.eq_ignore_ascii_case("bearer")) {
            return Err(Error::unavailable(format!("{host} gave a token that is no bearer token")));
        }
        // Counted from the question: a token is never older than that.
        Self::of(access_token, expires_in.map(|life| answer.asked.saturating_add(life)), host)
    }

    pub(crate) fn from_generated(answer: &Answer, host: &str) -> Result<Self, Error> {
        let GeneratedToken { access_token, expire_time } = answer.json(host)?;
        let until = humantime::parse_rfc3339(&expire_time).ok();
        let until = until.and_then(|until| until.duration_since(UNIX_EPOCH).ok());
        let until =
            until.ok_or_else(|| Error::unavailable(format!("{host} did not say until when its token is good")))?;
        Self::of(access_token, Some(until.as_secs()), host)
    }
}

/// Sends `call`, and again where that may help, as long as the caller waits. What may be otherwise later is an error.
pub(crate) fn send_with_retry(context: &SourceContext<'_>, call: &Call<'_>) -> Result<Answer, Error> {
    reject_transient(call.send_with_retry(EACH, context.until)?, &call.host())
}

/// The answer, unless another may follow later.
pub(crate) fn reject_transient(answer: Answer, host: &str) -> Result<Answer, Error> {
    if answer.may_change() {
        return Err(Error::unavailable(format!("{host} answered {}; try again later", answer.status)));
    }
    Ok(answer)
}

/// Some say the number as a text, or with a point in it. What is no number is no "for ever".
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Seconds>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(Seconds),
        Fraction(f64),
        Text(String),
    }
    let whole = |seconds| Duration::try_from_secs_f64(seconds).ok().map(|span| span.as_secs());
    let life = match Option::<Either>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Either::Number(seconds)) => Some(seconds),
        Some(Either::Fraction(seconds)) => whole(seconds),
        Some(Either::Text(text)) => text.parse().ok().or_else(|| whole(text.parse().ok()?)),
    };
    life.map(Some).ok_or_else(|| D::Error::custom("no span of time"))
}
