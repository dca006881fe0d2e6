//! Cached answers: one file for each key.

pub(crate) mod caller;
mod fast_key;
pub(crate) mod hash;
mod refusal;
mod state;
mod variables;
mod watched;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_credential_files::{FileError, Lock, Trust, ensure_folder, random, read, remove_older, replace};
use claude_credential_protocol::{
    self as protocol, Credential, MAX_MESSAGE, Message, Millis, Request, Seconds, Secret, millis, now,
};
use rustix::fs::{Access, access};
use thiserror::Error;

use crate::terminal::log::Log;

pub(crate) use caller::Caller;
pub(crate) use fast_key::{FastKey, FastRecord};
pub(crate) use hash::KeyedHasher;
pub(crate) use refusal::Verdict;
pub(crate) use state::{Outcome, State};
pub(crate) use variables::{PROFILE_VARIABLE, deciding, may_match_ignored};
pub(crate) use watched::Watched;

/// Hand-outs and refused answers older than this have no meaning any more.
const MAX_AGE: Duration = Duration::from_hours(24);

/// The wait for another process that creates the random key, which is one small file.
const RANDOM_KEY_TIMEOUT: Duration = Duration::from_secs(2);

/// No process waits for a shared answer longer than one call lasts.
const MAX_SHARED_AGE: Duration = Duration::from_mins(1);

/// Tidying reads the whole folder, so of a thousand runs that write a file each, only a few may do it.
const TIDY_INTERVAL: Duration = Duration::from_mins(10);

/// The most files that one run removes, since its caller waits.
const MAX_REMOVED: usize = 1024;

/// A credential is due for renewal this long before it expires, or earlier if the caller wants a longer life.
const RENEWAL_WINDOW: Seconds = 300;

/// The folder of cached answers, locks, states and records, and the hasher that names them.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    pub(crate) hasher: KeyedHasher,
}

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

impl Cache {
    /// The cache in `folder`, which is created if it does not exist.
    pub(crate) fn open(folder: &Path) -> Result<Self, FileError> {
        let hasher = open_hasher(folder)?;
        require_writable(folder)?;
        Ok(Self { folder: folder.to_owned(), hasher })
    }

    /// The cache in `folder`; `None` if there is none yet, or if it can't be used.
    pub(crate) fn open_existing(folder: &Path) -> Option<Self> {
        let hasher = KeyedHasher::new(random_in(folder).ok()??);
        require_writable(folder).ok()?;
        Some(Self { folder: folder.to_owned(), hasher })
    }

    /// The file of `key` with the given ending.
    pub(crate) fn file(&self, key: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{key}.{ending}"))
    }

    /// The kept answer in a file, stale or not. A file that can't be used is a miss, and is reported once.
    pub(crate) fn read(path: &Path, log: &Log) -> Option<Cached> {
        load(path).unwrap_or_else(|problem| {
            log.complain(&problem);
            None
        })
    }

    pub(crate) fn write(&self, path: &Path, cached: &Cached) -> Result<(), protocol::Error> {
        ensure_folder(&self.folder)?;
        Ok(replace(path, &cached.to_message()?.to_bytes())?)
    }

    /// Takes back the kept answers for the host and account of `request` that hold `secret`, or all of them. It does so
    /// under every key, since those of scripts and of Claude Code may differ. The next run of each key tells the entry.
    pub(crate) fn invalidate(&self, request: &Request, secret: Option<&Secret>, log: &Log) {
        for (path, cached) in self.answers(request, log) {
            if secret.is_some_and(|secret| secret != cached.credential.auth.secret()) {
                continue;
            }
            let refused = path.with_extension("refused");
            if let Err(error) = fs::rename(&path, &refused) {
                log.complain(&FileError::Io(path, error));
                continue;
            }
            // Another process may have replaced it since it was read, and that answer was refused by nobody.
            let is_other = |now: &Cached| now.credential.auth.secret() != cached.credential.auth.secret();
            if secret.is_some() && load(&refused).ok().flatten().as_ref().is_some_and(is_other) {
                let _ = fs::rename(&refused, &path);
            }
        }
    }

    /// The kept answers for the host and account of `request`, under every key.
    pub(crate) fn answers<'a>(
        &self,
        request: &'a Request,
        log: &'a Log,
    ) -> impl Iterator<Item = (PathBuf, Cached)> + use<'a> {
        let files = self.files().filter(|path| path.extension().is_some_and(|ending| ending == "cache"));
        let answers = files.filter_map(|path| Self::read(&path, log).map(|cached| (path, cached)));
        answers.filter(|(_, cached)| {
            cached.is_for_place_of(request)
                && (request.username.is_none() || request.username == cached.credential.username)
        })
    }

    /// All files in the folder.
    pub(crate) fn files(&self) -> impl Iterator<Item = PathBuf> + use<> {
        fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path())
    }

    /// Removes files that no call will use again.
    pub(crate) fn tidy(&self) {
        let tidied = self.folder.join("tidied");
        let is_fresh = fs::metadata(&tidied).and_then(|metadata| metadata.modified()).is_ok_and(|at| {
            // A time in the future means that the clock was set back.
            at.elapsed().is_ok_and(|since| since < TIDY_INTERVAL)
        });
        // Written first, so that only one of many processes reads the folder.
        if is_fresh || replace(&tidied, b"").is_err() {
            return;
        }
        remove_older(&self.folder, MAX_REMOVED, |path, age| {
            match path.extension().and_then(std::ffi::OsStr::to_str) {
                Some("caller" | "front" | "given" | "refused" | "itself" | "new") => age > MAX_AGE,
                // The process that should have removed it was killed.
                Some("shared") => age > MAX_SHARED_AGE,
                Some("cache") => age > MAX_AGE || is_past_expiry(path),
                _ => false,
            }
        });
    }
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

/// An answer in a folder that can't be written could not be taken back if it is refused, so it is not used at all.
fn require_writable(folder: &Path) -> Result<(), FileError> {
    access(folder, Access::WRITE_OK).map_err(|error| FileError::Io(folder.to_owned(), error.into()))
}

fn random_in(folder: &Path) -> Result<Option<[u8; 32]>, FileError> {
    let bytes = read(&folder.join("random"), Trust::Private, 32)?;
    Ok(bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()))
}

/// The hasher with the user's own random key, which the first call creates.
fn open_hasher(folder: &Path) -> Result<KeyedHasher, FileError> {
    let path = folder.join("random");
    let load = || random_in(folder);
    if let Some(random) = load()? {
        return Ok(KeyedHasher::new(random));
    }
    ensure_folder(folder)?;
    // One of several callers creates it and the others use it: two random keys would give one query two cache keys.
    let lock = Lock::acquire(&folder.join("random.lock"), RANDOM_KEY_TIMEOUT);
    let _lock = lock.map_err(|error| FileError::Io(path.clone(), io::Error::other(error)))?;
    if let Some(random) = load()? {
        return Ok(KeyedHasher::new(random));
    }
    let random = random::<32>();
    replace(&path, &random)?;
    Ok(KeyedHasher::new(random))
}

fn is_past_expiry(path: &Path) -> bool {
    load(path).ok().flatten().is_none_or(|cached| cached.credential.is_expired())
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
    fn is_for_place_of(&self, request: &Request) -> bool {
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

    fn to_message(&self) -> Result<Message, protocol::Error> {
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
