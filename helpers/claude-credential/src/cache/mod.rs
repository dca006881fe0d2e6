//! Cached answers: one file a key.

pub(crate) mod caller;
pub(crate) mod fast_key;
pub(crate) mod hash;
pub(crate) mod refusal;
pub(crate) mod state;
pub(crate) mod variables;
pub(crate) mod wait_guard;
pub(crate) mod watched;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_credential_files::{FileError, Lock, Trust, ensure_folder, random, read, remove_older, replace};
use claude_credential_protocol::{
    self as protocol, Credential, MAX_MESSAGE, Message, Millis, Request, Seconds, millis, now,
};
use thiserror::Error;

use crate::cache::hash::KeyedHasher;
use crate::terminal::log::Log;

/// Hand-out records and refused answers of yesterday tell nothing.
const DAY: Duration = Duration::from_hours(24);

/// Whoever makes the random key writes one small file.
const MAKING: Duration = Duration::from_secs(2);

/// Nobody waits longer than a call lasts.
const SHARED: Duration = Duration::from_mins(1);

/// Every file of the folder is looked at: not by each of a thousand runs that make a file each.
const BETWEEN: Duration = Duration::from_mins(10);

/// The most that one run tidies up: somebody waits for it.
const MOST_REMOVED: usize = 1024;

/// At most this much has to be left of a credential's life before it is due for renewal, whatever the caller wants.
const DUE: Seconds = 300;

/// The folder of cached answers, locks, states and records, and the key of the hashes that name them.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    pub(crate) hasher: KeyedHasher,
}

/// An answer that was kept.
#[derive(Debug, Clone)]
pub(crate) struct Cached {
    pub(crate) credential: Credential,
    pub(crate) entry: String,
    pub(crate) profile: String,
    pub(crate) origin: (String, String),
    /// When its run ended.
    pub(crate) obtained: Millis,
}

/// Why a kept answer does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Staleness {
    #[error("it is from the future")]
    FromTheFuture,
    #[error("its time is over")]
    TimeOver,
    #[error("it has expired")]
    Expired,
    /// It is good yet, and renewed before it ends.
    #[error("it is due for renewal")]
    Due,
    #[error("it has to be proved with its server")]
    Unproved,
    #[error("it was refused")]
    Refused,
}

impl Cache {
    /// The cache in `folder`, made if it is not there.
    pub(crate) fn open(folder: &Path) -> Result<Self, FileError> {
        Ok(Self { folder: folder.to_owned(), hasher: open_hasher(folder)? })
    }

    /// The one in `folder`, if somebody has used it before.
    pub(crate) fn at(folder: &Path) -> Option<Self> {
        let hasher = KeyedHasher::new(random_in(folder).ok()??);
        Some(Self { folder: folder.to_owned(), hasher })
    }

    /// The file of `key` with that ending.
    pub(crate) fn file(&self, key: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{key}.{ending}"))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The kept answer in a file, good or not. What can't be used is a miss, and said once.
    pub(crate) fn read(path: &Path, log: &Log) -> Option<Cached> {
        load(path).unwrap_or_else(|problem| {
            log.complain(&problem);
            None
        })
    }

    /// Keeps an answer in a file.
    pub(crate) fn write(&self, path: &Path, cached: &Cached) -> Result<(), protocol::Error> {
        ensure_folder(&self.folder)?;
        Ok(replace(path, &cached.to_message()?.to_bytes())?)
    }

    /// Removes what nobody will use again.
    pub(crate) fn tidy(&self) {
        let tidied = self.folder.join("tidied");
        let is_fresh = fs::metadata(&tidied).and_then(|found| found.modified()).is_ok_and(|at| {
            // A time of the future is one from before the clock was set back.
            at.elapsed().is_ok_and(|since| since < BETWEEN)
        });
        // First, so that of many at once one goes through the folder.
        if is_fresh || replace(&tidied, b"").is_err() {
            return;
        }
        remove_older(&self.folder, MOST_REMOVED, |path, age| {
            match path.extension().and_then(std::ffi::OsStr::to_str) {
                Some("caller" | "front" | "given" | "refused" | "itself" | "new") => age > DAY,
                // Whoever was to remove it was killed.
                Some("shared") => age > SHARED,
                Some("cache") => age > DAY || is_past_expiry(path),
                _ => false,
            }
        });
    }
}

/// Why the file of an answer can't be used.
#[derive(Debug, Error)]
pub(crate) enum Unusable {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is damaged", .0.display())]
    Damaged(PathBuf),
}

/// The kept answer in a file, good or not.
pub(crate) fn load(path: &Path) -> Result<Option<Cached>, Unusable> {
    let Some(found) = read(path, Trust::Private, 2 * MAX_MESSAGE as u64)? else { return Ok(None) };
    let message = Message::parse(&found).ok().filter(Message::ended);
    let cached = message.and_then(|message| Cached::parse(&message));
    cached.map(Some).ok_or_else(|| Unusable::Damaged(path.to_owned()))
}

fn random_in(folder: &Path) -> Result<Option<[u8; 32]>, FileError> {
    let found = read(&folder.join("random"), Trust::Private, 32)?;
    Ok(found.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()))
}

/// The user's own random hash key, made at the first call.
fn open_hasher(folder: &Path) -> Result<KeyedHasher, FileError> {
    let path = folder.join("random");
    let load = || random_in(folder);
    if let Some(random) = load()? {
        return Ok(KeyedHasher::new(random));
    }
    ensure_folder(folder)?;
    // Of several callers at once one makes it, and all others use that: two would be two keys for one question.
    let lock = Lock::acquire(&folder.join("random.lock"), MAKING);
    let _lock = lock.map_err(|error| FileError::Io(path.clone(), io::Error::other(error)))?;
    if let Some(random) = load()? {
        return Ok(KeyedHasher::new(random));
    }
    let random = random::<32>();
    replace(&path, &random)?;
    Ok(KeyedHasher::new(random))
}

fn is_past_expiry(path: &Path) -> bool {
    let found = read(path, Trust::Private, 2 * MAX_MESSAGE as u64).ok().flatten();
    let cached = found.and_then(|bytes| Message::parse(&bytes).ok()).and_then(|message| Cached::parse(&message));
    cached.is_none_or(|cached| cached.credential.expires_at.is_some_and(|at| at * 1000 <= now()))
}

impl Cached {
    /// How long ago it was obtained.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_millis(now().saturating_sub(self.obtained))
    }

    /// Why it does not serve a caller who wants it no older than `ttl` and to live `min_ttl` seconds yet; none if it does.
    pub(crate) fn staleness(&self, ttl: Duration, min_ttl: Seconds, now: Millis) -> Option<Staleness> {
        if self.obtained > now {
            return Some(Staleness::FromTheFuture);
        }
        if now - self.obtained >= millis(ttl) {
            return Some(Staleness::TimeOver);
        }
        let expires_at = self.credential.expires_at?;
        let left = (expires_at * 1000).saturating_sub(now);
        let life = (expires_at * 1000).saturating_sub(self.obtained);
        // At most half of its life, or a credential that lives shortly would never be kept.
        let due = (DUE.max(min_ttl) * 1000).min(life / 2);
        match left {
            0 => Some(Staleness::Expired),
            left if left < due => Some(Staleness::Due),
            _ => None,
        }
    }

    fn parse(message: &Message) -> Option<Self> {
        let text = |key: &str| message.get(key).map(str::to_owned);
        Some(Self {
            credential: Credential::from_message(message).ok()??,
            entry: text("cache.entry")?,
            profile: text("cache.profile")?,
            origin: (text("protocol")?, text("host")?),
            obtained: message.number("cache.obtained", 0..=Millis::MAX).ok()??,
        })
    }

    fn to_message(&self) -> Result<Message, protocol::Error> {
        // Named one by one: a field forgotten here would be lost between two calls.
        let Self { credential, entry, profile, origin: (protocol, host), obtained } = self;
        let mut message = credential.answer(&Request::new(protocol, host))?;
        message.push("protocol", protocol)?;
        message.push("host", host)?;
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
            origin: ("https".to_owned(), "h".to_owned()),
            obtained: OBTAINED,
        }
    }

    fn staleness(life: Option<u64>, min_ttl: u64, seconds: u64) -> Option<Staleness> {
        cached(life).staleness(Duration::from_mins(5), min_ttl, OBTAINED + seconds * 1000)
    }

    #[test]
    fn an_answer_serves_until_its_time_is_over() {
        assert_eq!(staleness(None, 0, 299), None);
        assert_eq!(staleness(None, 0, 300), Some(Staleness::TimeOver));
        let earlier = cached(None).staleness(Duration::from_mins(5), 0, OBTAINED - 1);
        assert_eq!(earlier, Some(Staleness::FromTheFuture));
    }

    #[test]
    fn it_is_renewed_before_it_expires_but_not_in_the_first_half_of_its_life() {
        assert_eq!(staleness(Some(500), 0, 249), None);
        assert_eq!(staleness(Some(500), 0, 251), Some(Staleness::Due));
        assert_eq!(staleness(Some(3600), 0, 100), None);
        assert_eq!(staleness(Some(540), 360, 100), None);
        assert_eq!(staleness(Some(540), 360, 271), Some(Staleness::Due));
        assert_eq!(staleness(Some(10), 0, 4), None);
        assert_eq!(staleness(Some(10), 0, 11), Some(Staleness::Expired));
    }

    #[test]
    fn what_is_written_is_read_back_whole() {
        let message = cached(Some(60)).to_message().unwrap();
        let read = Cached::parse(&message).unwrap();
        assert_eq!(read.credential, cached(Some(60)).credential);
        assert_eq!((read.entry.as_str(), read.profile.as_str(), read.obtained), ("e", "p", OBTAINED));
    }
}
