//! Cached answers: one file for each key.

mod answer;
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
use claude_credential_protocol::{self as protocol, Request, Secret};
use rustix::fs::{Access, access};

use crate::terminal::log::Log;

pub(crate) use answer::{Cached, Staleness, load};
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

/// The folder of cached answers, locks, states and records, and the hasher that names them.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    pub(crate) hasher: KeyedHasher,
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
