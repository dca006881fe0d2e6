//! Tokens and the responses that contain them.

use claude_credential_config::SourceContext;
use std::time::{Duration, UNIX_EPOCH};

use claude_credential_http::{Answer, Call};
use claude_credential_protocol::{Error, MAX_EXPIRY, Seconds, Secret, parse_token};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The time of one attempt.
pub(crate) const EACH: Duration = Duration::from_secs(10);

/// An access token and its expiry.
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
    /// A token from `host`.
    pub(crate) fn of(secret: String, expires_at: Option<Seconds>, host: &str) -> Result<Self, Error> {
        let secret = Secret::from(secret);
        let token = parse_token(secret.expose().as_bytes());
        let secret = token.map_err(|problem| Error::unavailable(format!("{host} returned no token: {problem}")))?;
        Ok(Self { secret, expires_at: expires_at.map(|at| at.min(MAX_EXPIRY)) })
    }

    pub(crate) fn from_response(answer: &Answer, host: &str) -> Result<Self, Error> {
        let TokenResponse { access_token, token_type, expires_in } = answer.json(host)?;
        if token_type.is_some_and(|token_type| !token_type.eq_ignore_ascii_case("bearer")) {
            return Err(Error::unavailable(format!("{host} returned a token that is not a bearer token")));
        }
        // Counted from the time of the request, since the token can't be older.
        Self::of(access_token, expires_in.map(|life| answer.asked.saturating_add(life)), host)
    }

    pub(crate) fn from_generated(answer: &Answer, host: &str) -> Result<Self, Error> {
        let GeneratedToken { access_token, expire_time } = answer.json(host)?;
        let until = humantime::parse_rfc3339(&expire_time).ok();
        let until = until.and_then(|until| until.duration_since(UNIX_EPOCH).ok());
        let until = until.ok_or_else(|| Error::unavailable(format!("{host} returned a token without an expiry")))?;
        Self::of(access_token, Some(until.as_secs()), host)
    }
}

/// Sends `call` with retries until the caller gives up. A status that may change later is an error.
pub(crate) fn send_with_retry(context: &SourceContext<'_>, call: &Call<'_>) -> Result<Answer, Error> {
    reject_transient(call.send_with_retry(EACH, context.until)?, &call.host())
}

/// Turns a status that may change later into an error.
pub(crate) fn reject_transient(answer: Answer, host: &str) -> Result<Answer, Error> {
    if answer.may_change() {
        return Err(Error::unavailable(format!("{host} answered {}; try again later", answer.status)));
    }
    Ok(answer)
}

/// Some servers send the number as a string or with a fraction. Anything else is an error, and not "never expires".
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
    life.map(Some).ok_or_else(|| D::Error::custom("not a duration"))
}
