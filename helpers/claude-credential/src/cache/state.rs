//! What one run leaves to the processes that waited for it, and to later refusals.

use std::path::Path;

use claude_credential_files::{Trust, read, replace};
use claude_credential_protocol::Error;
use serde::{Deserialize, Serialize};

use crate::cache::hash::Fingerprint;
use crate::cache::refusal::Refusals;
use crate::terminal::log::Log;

const MAX_STATE: u64 = 64 * 1024;

/// The state of a key, which is changed only under its lock. It contains no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// How many runs there have been.
    pub(crate) run: u64,
    pub(crate) outcome: Outcome,
    /// The credential that the last run gave: `store` must not keep a copy of it.
    pub(crate) given: Option<Fingerprint>,
    pub(crate) refusals: Refusals,
}

/// How the last run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    /// An answer, which is in the cache.
    #[default]
    Kept,
    /// An answer that may be neither kept nor shared.
    Ephemeral,
    /// An answer, or none, that may be of another key: what decides it changed during the run.
    Moved,
    /// An answer that is not kept, but is shared with the processes that waited.
    Shared,
    /// A sign-in by a command, instead of a lookup.
    SignedIn,
    /// No answer.
    Failed {
        #[serde(with = "stored_error")]
        error: Error,
        /// Whether the run was for a secret that was refused.
        rejected: bool,
        /// Whether the user could be asked.
        interactive: bool,
    },
}

impl State {
    /// The state in a file; a new one if the file is absent or can't be used.
    pub(crate) fn read(path: &Path, log: &Log) -> Self {
        let bytes = match read(path, Trust::Private, MAX_STATE) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Self::default(),
            Err(problem) => {
                log.complain(&problem);
                return Self::default();
            }
        };
        serde_json::from_slice(&bytes).unwrap_or_else(|_| {
            log.complain(&format_args!("{} is damaged", path.display()));
            Self::default()
        })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::broke(error.to_string()))?;
        Ok(replace(path, &bytes)?)
    }
}

/// An error, as its exit code and its message.
mod stored_error {
    use claude_credential_protocol::{Class, Error};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(error: &Error, serializer: S) -> Result<S::Ok, S::Error> {
        (error.class().exit_code(), error.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Error, D::Error> {
        let (code, message) = <(u8, String)>::deserialize(deserializer)?;
        let is_not_found = code == Class::NotFound.exit_code();
        let class = if is_not_found { Class::NotFound } else { Class::from_exit_code(code.into()) };
        Ok(Error::new(class, message))
    }
}

#[cfg(test)]
mod tests {
    use claude_credential_protocol::{Class, Error};

    use super::{Outcome, State};
    use crate::cache::hash::Fingerprint;
    use crate::cache::refusal::Refusals;

    #[test]
    fn a_state_is_read_back_whole() {
        let failed = |class| Outcome::Failed { error: Error::new(class, "why"), rejected: true, interactive: false };
        for outcome in [
            Outcome::Kept,
            Outcome::Ephemeral,
            Outcome::Moved,
            Outcome::Shared,
            Outcome::SignedIn,
            failed(Class::NotFound),
            failed(Class::SignIn),
            failed(Class::Config),
        ] {
            let state = State {
                run: 7,
                outcome,
                given: Some(Fingerprint([9; 16])),
                refusals: Refusals {
                    runs: vec![(1, Fingerprint([1; 16])), (2, Fingerprint([2; 16]))],
                    gave: Some(Fingerprint([3; 16])),
                    fruitless: 4,
                },
            };
            let stored = serde_json::to_vec(&state).unwrap();
            assert_eq!(serde_json::from_slice::<State>(&stored).unwrap(), state);
        }
    }
}
