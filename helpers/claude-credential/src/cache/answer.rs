//! A kept answer, its file, and for how long it serves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_credential_files::{FileError, Trust, read};
use claude_credential_protocol::{
    self as protocol, Credential, MAX_MESSAGE, Message, Millis, Request, Seconds, millis, now,
};
use thiserror::Error;

/// A credential is due for renewal this long before it expires, or earlier if the caller wants a longer life.
const RENEWAL_WINDOW: Seconds = 300;

/// A kept answer.
#[derive(Debug, Clone)]
pub(crate) struct Cached {
    pub(crate) credential: Credential,
    pub(crate) entry: String,
    pub(crate) profile: String,
    /// Protocol, host and path of the line of `hosts` that it is for.
    pub(crate) place: [String; 3],
    /// When the run that gave it ended.
    pub(crate) obtained: Millis,
}

/// Why a kept answer does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Staleness {
    #[error("it is dated in the future")]
    InFuture,
    #[error("its TTL has passed")]
    TtlPassed,
    #[error("it has expired")]
    Expired,
    /// It is still good, but is to be renewed before it expires.
    #[error("it is due for renewal")]
    Due,
    #[error("it has to be checked with its server")]
    Unchecked,
    #[error("it was refused")]
    Refused,
}

/// Why the file of an answer can't be used.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is damaged", .0.display())]
    Damaged(PathBuf),
}

/// The kept answer in a file, stale or not.
pub(crate) fn load(path: &Path) -> Result<Option<Cached>, LoadError> {
    let Some(bytes) = read(path, Trust::Private, 2 * MAX_MESSAGE as u64)? else { return Ok(None) };
    let message = Message::parse(&bytes).ok().filter(Message::ended);
    let cached = message.and_then(|message| Cached::parse(&message));
    cached.map(Some).ok_or_else(|| LoadError::Damaged(path.to_owned()))
}

impl Cached {
    /// How long ago the answer was obtained.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.obtained))
    }

    /// Why the answer does not serve a caller that wants it no older than `ttl` and valid for another `min_ttl`
    /// seconds; `None` if it serves.
    pub(crate) fn staleness(&self, ttl: Duration, min_ttl: Seconds, now: Millis) -> Option<Staleness> {
        if self.obtained > now {
            return Some(Staleness::InFuture);
        }
        if now - self.obtained >= millis(ttl) {
            return Some(Staleness::TtlPassed);
        }
        let expires_at = self.credential.expires_at?;
        let left = (expires_at * 1000).saturating_sub(now);
        let life = (expires_at * 1000).saturating_sub(self.obtained);
        // At most half of its life, or a short-lived credential would never be kept.
        let due = (RENEWAL_WINDOW.max(min_ttl) * 1000).min(life / 2);
        match left {
            0 => Some(Staleness::Expired),
            left if left < due => Some(Staleness::Due),
            _ => None,
        }
    }

    /// The place that a request names.
    pub(crate) fn place_of(request: &Request) -> [String; 3] {
        [request.protocol.clone(), request.host.clone(), request.path.clone().unwrap_or_default()]
    }

    /// Whether it may be what such a request got: the path of a request may be below the one that an answer is for, and
    /// another tenant's is neither below nor above it.
    pub(super) fn is_for_place_of(&self, request: &Request) -> bool {
        let [protocol, host, path] = &self.place;
        let asked = request.path.as_deref().unwrap_or_default();
        let is_below = |path: &str, above: &str| {
            path.strip_prefix(above).is_some_and(|rest| above.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        *protocol == request.protocol && *host == request.host && (is_below(asked, path) || is_below(path, asked))
    }

    fn parse(message: &Message) -> Option<Self> {
        let text = |key: &str| message.get(key).map(str::to_owned);
        Some(Self {
            credential: Credential::from_message(message).ok()??,
            entry: text("cache.entry")?,
            profile: text("cache.profile")?,
            place: [text("protocol")?, text("host")?, text("path").unwrap_or_default()],
            obtained: message.number("cache.obtained", 0..=Millis::MAX).ok()??,
        })
    }

    pub(super) fn to_message(&self) -> Result<Message, protocol::Error> {
        // All fields are named: a forgotten one would be lost between two calls.
        let Self { credential, entry, profile, place: [protocol, host, path], obtained } = self;
        let mut message = credential.answer(&Request::new(protocol, host))?;
        message.push("protocol", protocol)?;
        message.push("host", host)?;
        if !path.is_empty() {
            message.push("path", path)?;
        }
        message.push("cache.entry", entry)?;
        message.push("cache.profile", profile)?;
        message.push("cache.obtained", &obtained.to_string())?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use claude_credential_protocol::{Auth, Credential};

    use super::{Cached, Staleness};

    const OBTAINED: u64 = 1_000_000_000_000;

    fn cached(life: Option<u64>) -> Cached {
        Cached {
            credential: Credential {
                expires_at: life.map(|life| OBTAINED / 1000 + life),
                source: Some("command".to_owned()),
                headers: vec!["a: b".to_owned()],
                ..Credential::new(Auth::Bearer("CANARY".into()))
            },
            entry: "e".to_owned(),
            profile: "p".to_owned(),
            place: ["https".to_owned(), "h".to_owned(), "a".to_owned()],
            obtained: OBTAINED,
        }
    }

    fn staleness(life: Option<u64>, min_ttl: u64, seconds: u64) -> Option<Staleness> {
        cached(life).staleness(Duration::from_mins(5), min_ttl, OBTAINED + seconds * 1000)
    }

    #[test]
    fn an_answer_serves_until_its_ttl_has_passed() {
        assert_eq!(staleness(None, 0, 299), None);
        assert_eq!(staleness(None, 0, 300), Some(Staleness::TtlPassed));
        let earlier = cached(None).staleness(Duration::from_mins(5), 0, OBTAINED - 1);
        assert_eq!(earlier, Some(Staleness::InFuture));
    }

    #[test]
    fn an_answer_is_renewed_before_it_expires_but_not_in_the_first_half_of_its_life() {
        assert_eq!(staleness(Some(500), 0, 249), None);
        assert_eq!(staleness(Some(500), 0, 251), Some(Staleness::Due));
        assert_eq!(staleness(Some(3600), 0, 100), None);
        assert_eq!(staleness(Some(540), 360, 100), None);
        assert_eq!(staleness(Some(540), 360, 271), Some(Staleness::Due));
        assert_eq!(staleness(Some(10), 0, 4), None);
        assert_eq!(staleness(Some(10), 0, 11), Some(Staleness::Expired));
    }

    #[test]
    fn an_answer_is_read_back_whole() {
        let message = cached(Some(60)).to_message().unwrap();
        let read = Cached::parse(&message).unwrap();
        assert_eq!(read.credential, cached(Some(60)).credential);
        assert_eq!((read.entry.as_str(), read.profile.as_str(), read.obtained), ("e", "p", OBTAINED));
    }
}
