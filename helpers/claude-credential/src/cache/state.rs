//! What one run leaves to the processes that waited for it, and to later refusals.

use std::path::Path;

use claude_credential_files::{Trust, read, replace};
use claude_credential_protocol::{Class, Error, Message, Millis};

use crate::cache::hash::Fingerprint;
use crate::cache::refusal::Refusals;
use crate::terminal::log::Log;

const MAX_STATE: u64 = 64 * 1024;

/// The state of a key, which is changed only under its lock. It contains no secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// How many runs there have been.
    pub(crate) run: u64,
    pub(crate) outcome: Outcome,
    /// The credential that the last run gave: `store` must not keep a copy of it.
    pub(crate) given: Option<Fingerprint>,
    pub(crate) refusals: Refusals,
}

/// How the last run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer, which is in the cache.
    #[default]
    Kept,
    /// An answer that may be neither kept nor shared.
    Ephemeral,
    /// An answer that is not kept, but is shared with the processes that waited.
    Shared,
    /// A sign-in by a command, instead of a lookup.
    SignedIn,
    /// No answer.
    Failed {
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
        let parsed = Message::parse(&bytes).ok().filter(Message::ended).and_then(|message| Self::parse(&message));
        parsed.unwrap_or_else(|| {
            log.complain(&format_args!("{} is damaged", path.display()));
            Self::default()
        })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        Ok(replace(path, &self.to_message()?.to_bytes())?)
    }

    fn parse(message: &Message) -> Option<Self> {
        let number = |key| message.number(key, 0..=u64::MAX).ok().flatten();
        let outcome = match message.get("state.outcome")? {
            "kept" => Outcome::Kept,
            "ephemeral" => Outcome::Ephemeral,
            "shared" => Outcome::Shared,
            "signed-in" => Outcome::SignedIn,
            "failed" => Outcome::Failed {
                error: Error::new(class(number("state.class")?), message.get("state.message")?),
                rejected: message.flag("state.rejected"),
                interactive: message.flag("state.interactive"),
            },
            _ => return None,
        };
        let fingerprint = |key| message.get(key).map(Fingerprint::from_hex);
        Some(Self {
            run: number("state.run")?,
            outcome,
            given: fingerprint("state.given").flatten(),
            refusals: Refusals {
                runs: message.list("state.refused[]").into_iter().map(parse_run).collect::<Option<_>>()?,
                gave: fingerprint("state.gave").flatten(),
                fruitless: u32::try_from(number("state.fruitless")?).ok()?,
            },
        })
    }

    fn to_message(&self) -> Result<Message, Error> {
        let Self { run, outcome, given, refusals: Refusals { runs, gave, fruitless } } = self;
        let mut message = Message::default();
        let mut push = |key: &str, value: &str| message.push(key, value);
        push("state.run", &run.to_string())?;
        match outcome {
            Outcome::Kept => push("state.outcome", "kept")?,
            Outcome::Ephemeral => push("state.outcome", "ephemeral")?,
            Outcome::Shared => push("state.outcome", "shared")?,
            Outcome::SignedIn => push("state.outcome", "signed-in")?,
            Outcome::Failed { error, rejected, interactive } => {
                push("state.outcome", "failed")?;
                push("state.class", &error.class().exit_code().to_string())?;
                push("state.message", &error.to_string())?;
                push("state.rejected", if *rejected { "1" } else { "0" })?;
                push("state.interactive", if *interactive { "1" } else { "0" })?;
            }
        }
        for (at, refused) in runs {
            push("state.refused[]", &format!("{at} {}", refused.to_hex()))?;
        }
        push("state.fruitless", &fruitless.to_string())?;
        message.push_some("state.given", given.map(Fingerprint::to_hex).as_deref())?;
        message.push_some("state.gave", gave.map(Fingerprint::to_hex).as_deref())?;
        Ok(message)
    }
}

fn class(code: u64) -> Class {
    if code == u64::from(Class::NotFound.exit_code()) {
        return Class::NotFound;
    }
    i32::try_from(code).map_or(Class::Broke, Class::from_exit_code)
}

fn parse_run(text: &str) -> Option<(Millis, Fingerprint)> {
    let (at, refused) = text.split_once(' ')?;
    Some((at.parse().ok()?, Fingerprint::from_hex(refused)?))
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
            assert_eq!(State::parse(&state.to_message().unwrap()), Some(state));
        }
    }
}
