//! For how long answers are kept.

use std::time::Duration;

use claude_credential_config::Environment;
use claude_credential_protocol::{Credential, Error, Kind, Seconds};

/// The client's own time between two runs of its helper, and ours.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_mins(5);

pub(crate) const TTL_VARIABLE: &str = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS";

/// For how long an answer is kept, where `said` is all that was said.
pub(crate) fn lifetime(said: Option<Duration>, credential: &Credential) -> Duration {
    // AWS's keys say when they end, and `refresh` asks AWS whether they are good: nothing is won by asking for others
    // before they are due.
    let until_due = credential.auth.kind() == Kind::Aws && credential.expires_at.is_some();
    said.unwrap_or(if until_due { Duration::MAX } else { DEFAULT_TTL })
}

/// Refuses a TTL variable that is no number of milliseconds, where somebody can mend it.
pub(crate) fn check_ttl(environment: &Environment) -> Result<(), Error> {
    variable_ttl(environment).map(|_| ())
}

/// For how long the client keeps a key, whatever the profile says.
pub(crate) fn client_ttl(environment: &Environment) -> Duration {
    variable_ttl(environment).ok().flatten().unwrap_or(DEFAULT_TTL)
}

/// The client hands out a key once more after its time, while it asks again: what it gets should live a minute longer.
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
