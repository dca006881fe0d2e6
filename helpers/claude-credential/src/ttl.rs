//! For how long answers are kept.

use std::time::Duration;

use claude_credential_config::Environment;
use claude_credential_protocol::{Credential, Error, Kind, Seconds};

/// The default TTL, both of Claude Code for its helper's key and of the cache.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_mins(5);

pub(crate) const TTL_VARIABLE: &str = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS";

/// For how long an answer is kept: for the `configured` TTL, otherwise for the default.
pub(crate) fn lifetime(configured: Option<Duration>, credential: &Credential) -> Duration {
    // AWS's keys have an expiry, and `refresh` asks AWS whether they are good: to ask for others before they are due
    // has no benefit.
    let until_due = credential.auth.kind() == Kind::Aws && credential.expires_at.is_some();
    configured.unwrap_or(if until_due { Duration::MAX } else { DEFAULT_TTL })
}

/// Refuses a TTL variable that is no number of milliseconds. Called where the user reads the error.
pub(crate) fn check_ttl(environment: &Environment) -> Result<(), Error> {
    variable_ttl(environment).map(|_| ())
}

/// For how long Claude Code keeps a key, regardless of the profile.
pub(crate) fn client_ttl(environment: &Environment) -> Duration {
    variable_ttl(environment).ok().flatten().unwrap_or(DEFAULT_TTL)
}

/// Claude Code sends a key once more after its TTL, while it gets a new one, so the key should be valid for another
/// minute.
pub(crate) fn client_min_ttl(environment: &Environment) -> Seconds {
    client_ttl(environment).as_secs() + 60
}

pub(crate) fn variable_ttl(environment: &Environment) -> Result<Option<Duration>, Error> {
    let Some(value) = environment.get_os(TTL_VARIABLE) else { return Ok(None) };
    let parsed = value.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).map(str::parse);
    match parsed {
        Some(Ok(milliseconds)) => Ok(Some(Duration::from_millis(milliseconds))),
        _ => Err(Error::config(format!(
            "{TTL_VARIABLE} is not a number of milliseconds; run: unset {TTL_VARIABLE}, or set it to one such as 300000"
        ))),
    }
}
