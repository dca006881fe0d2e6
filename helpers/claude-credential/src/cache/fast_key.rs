//! The fast key: a hash of what identifies a call before anything is parsed; and the record under it, which names the
//! key that a full lookup found, and the files that decided it (`docs/design/fast-path.md`).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use claude_credential_config::{Environment, Folders};
use claude_credential_files::{Trust, read, write_in_place};
use claude_credential_protocol::{Message, Millis, Seconds, millis};

use crate::cache::Cache;
use crate::cache::variables::Ignored;
use crate::cache::watched::Watched;

/// There are at most as many files as these bits can number: enough for the shells and folders of a day, and a limit
/// for a loop that changes its environment each time.
const SLOT_BITS: u32 = 12;

const MAGIC: &[u8; 8] = b"front 2\n";
const SUM: usize = 16;
const MAX_RECORD: u64 = 64 * 1024;

/// One call, as far as it can be told from others without parsing anything.
#[derive(Debug)]
pub(crate) struct FastKey {
    cache: Cache,
    key: [u8; 16],
    /// The bytes of the configuration that went into the hash.
    config: Vec<u8>,
    /// The snapshot that this call found, if every file in it was unchanged.
    before: Option<Snapshot>,
}

/// A record, the files that decided it, and the hash of their state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    record: FastRecord,
    watched: Vec<Watched>,
    hash: [u8; 16],
}

/// What a full lookup found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FastRecord {
    /// The cache key, which names the file of the answer.
    pub(crate) key: String,
    /// The entry that gave the answer. Another entry may have another TTL.
    pub(crate) entry: String,
    /// The configured TTL of the entry's answers; `None` for the default.
    pub(crate) ttl: Option<Duration>,
    pub(crate) min_ttl: Seconds,
}

impl FastKey {
    /// The fast key of a call; `None` if more decides its answer than can be hashed.
    pub(crate) fn of(
        words: &[OsString],
        request: Option<&Message>,
        environment: &Environment,
        folders: &Folders,
        cache: Cache,
    ) -> Option<Self> {
        // The lookups that a parent process makes decide whether this call may have an answer at all.
        if environment.get_os("CLAUDE_CREDENTIAL_ACTIVE").is_some() {
            return None;
        }
        let config = read(&folders.config.join("config.toml"), Trust::Settings, MAX_RECORD).ok()?;
        let (folder, executable) = (std::env::current_dir().ok()?, std::env::current_exe().ok()?);
        let message = request.map(Message::to_bytes);
        // Another version of the executable, at the same path, may decide otherwise. The time of the inode's last
        // change does not count: a further link to the file changes that, too.
        let version = fs::metadata(&executable).ok()?;
        let times = [version.mtime(), version.mtime_nsec()].map(i64::cast_unsigned);
        let version = [version.dev(), version.ino(), version.size(), times[0], times[1]].map(u64::to_le_bytes).concat();
        let (at, folder) = (executable.as_os_str().as_bytes(), folder.as_os_str().as_bytes());
        let mut parts: Vec<&[u8]> = vec![b"front", at, &version, folder];
        for optional in [config.as_deref(), message.as_deref()] {
            parts.extend([if optional.is_some() { &b"+"[..] } else { b"-" }, optional.map_or(&[], Vec::as_slice)]);
        }
        parts.extend(words.iter().skip(1).map(|word| word.as_bytes()));
        parts.push(b"variables");
        let ignored = Ignored::of(environment);
        let decides = |name: &OsStr| !name.to_str().is_some_and(|name| ignored.decides_nothing(name));
        for (name, value) in environment.iter().filter(|(name, _)| decides(name)) {
            parts.extend([name.as_bytes(), value.as_bytes()]);
        }
        let key = cache.hasher.hash(&parts);
        Some(Self { cache, key, config: config.map(|bytes| bytes.to_vec()).unwrap_or_default(), before: None })
    }

    /// The cache of the call, which was opened for the fast key.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The record of earlier calls; `None` if anything that they saw has changed, or if only one call has found it so
    /// far.
    pub(crate) fn record(&mut self) -> Option<FastRecord> {
        let bytes = read(&self.file(), Trust::Private, MAX_RECORD).ok()??;
        let (snapshot, is_confirmed) = self.decode(&bytes)?;
        if self.hash_of(&snapshot.watched) != snapshot.hash {
            return None;
        }
        let record = is_confirmed.then(|| snapshot.record.clone());
        self.before = Some(snapshot);
        record
    }

    /// Whether `text` is the configuration that went into the key: the user may have edited it since.
    pub(crate) fn saw_config(&self, text: &str) -> bool {
        text.as_bytes() == self.config
    }

    /// Writes down what this call found, and the files that decided it. The record counts once a second call has found
    /// the same.
    pub(crate) fn write(&self, record: FastRecord, watched: Vec<Watched>) {
        let snapshot = Snapshot { record, hash: self.hash_of(&watched), watched };
        let bytes = self.encode(&snapshot, self.before.as_ref() == Some(&snapshot));
        if bytes.len() as u64 <= MAX_RECORD {
            // Without the record, the next call does the full lookup, which reports what is wrong with the folder.
            let _ = write_in_place(&self.file(), &bytes);
        }
    }

    fn file(&self) -> PathBuf {
        let slot = u16::from_le_bytes([self.key[0], self.key[1]]) & ((1 << SLOT_BITS) - 1);
        self.cache.file(&format!("{slot:03x}"), "front")
    }

    fn hash_of(&self, watched: &[Watched]) -> [u8; 16] {
        let states: Vec<Vec<u8>> = watched.iter().map(Watched::state).collect();
        self.cache.hasher.hash(&states.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn encode(&self, snapshot: &Snapshot, is_confirmed: bool) -> Vec<u8> {
        let Snapshot { record: FastRecord { key, entry, ttl, min_ttl }, watched, hash } = snapshot;
        let mut body = Vec::with_capacity(1024);
        body.extend_from_slice(&self.key);
        body.push(u8::from(is_confirmed));
        body.extend_from_slice(hash);
        body.extend_from_slice(&ttl.map_or(Millis::MAX, millis).to_le_bytes());
        body.extend_from_slice(&min_ttl.to_le_bytes());
        for text in [key, entry] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        for watched in watched {
            let (kind, path) = watched.parts();
            body.push(kind);
            body.extend_from_slice(path.as_os_str().as_bytes());
            body.push(0);
        }
        // The file is written in place: the length leaves out the rest of a longer earlier record, and the checksum
        // rejects a torn one.
        let length = (body.len() as u64).to_le_bytes();
        let sum = self.cache.hasher.hash(&[MAGIC, &length, &body]);
        [&MAGIC[..], &sum, &length, &body].concat()
    }

    /// The snapshot, and whether a second call has confirmed it.
    fn decode(&self, bytes: &[u8]) -> Option<(Snapshot, bool)> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (sum, rest) = rest.split_first_chunk::<SUM>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let body = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let (key, rest) = body.split_first_chunk::<16>()?;
        if *key != self.key || *sum != self.cache.hasher.hash(&[MAGIC, length, body]) {
            return None;
        }
        let (confirmed, rest) = rest.split_first()?;
        let (hash, rest) = rest.split_first_chunk::<16>()?;
        let (ttl, rest) = rest.split_first_chunk::<8>()?;
        let (min_ttl, rest) = rest.split_first_chunk::<8>()?;
        let mut texts = rest.strip_suffix(b"\0")?.split(|byte| *byte == 0);
        let mut text = || String::from_utf8(texts.next()?.to_vec()).ok();
        let (key, entry) = (text()?, text()?);
        let ttl = Some(Millis::from_le_bytes(*ttl)).filter(|ttl| *ttl != Millis::MAX).map(Duration::from_millis);
        let watched = texts.map(Watched::from_bytes).collect::<Option<_>>()?;
        let record = FastRecord { key, entry, ttl, min_ttl: Seconds::from_le_bytes(*min_ttl) };
        Some((Snapshot { record, watched, hash: *hash }, *confirmed == 1))
    }
}
