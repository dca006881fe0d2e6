//! Who asks, and what it was handed.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use claude_credential_config::Environment;
use claude_credential_files::{FileError, Trust, hex, read, write_in_place};
use claude_credential_protocol::{Millis, Secret, now};
use rustix::fs::{FileType, fstat};

use crate::cache::Cache;
use crate::cache::hash::{Fingerprint, KeyedHasher};
use crate::cache::refusal::{Record, Verdict};

const TOKEN: &str = "CLAUDE_CODE_MESSAGING_TOKEN";

/// Programs that stand between the client and us and are not the caller: shells and what people put before a command.
const BETWEEN: [&str; 15] = [
    "sh",
    "dash",
    "bash",
    "zsh",
    "ksh",
    "mksh",
    "fish",
    "busybox",
    "timeout",
    "env",
    "nice",
    "sudo",
    "setsid",
    "stdbuf",
    "coreutils",
];

/// A chain of parents longer than this is none that a person made.
const MOST_PARENTS: usize = 16;

/// One client process, as far as we can tell it from others.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    file: PathBuf,
    pub(crate) hasher: &'a KeyedHasher,
}

impl<'a> Caller<'a> {
    /// The client that called us; none where it was somebody else (a shell, a script, the client's own shell tool) or
    /// where it can't be told from others. Then the 401 rule does not hold.
    pub(crate) fn identify(environment: &Environment, cache: &'a Cache) -> Option<Self> {
        let token = environment.get(TOKEN);
        let agent = environment.get("AI_AGENT");
        let is_client = token.is_some() && agent.is_some_and(|agent| !agent.ends_with("_agent"));
        if !is_client && !stdin_is_socket() {
            return None;
        }
        let hasher = &cache.hasher;
        // The same number means another process in another namespace.
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let namespace = namespace.as_os_str().as_encoded_bytes();
        let hash = match token {
            Some(token) => hasher.hash(&[b"token", namespace, token.as_bytes()]),
            None => hasher.hash(&[b"process", namespace, nearest_program()?.as_bytes()]),
        };
        Some(Self { file: cache.file(&hex(&hash), "caller"), hasher })
    }

    /// What it was handed last. A torn or foreign record is none.
    pub(crate) fn record(&self) -> Option<Record> {
        let bytes = read(&self.file, Trust::Private, SIZE as u64).ok()??;
        decode(&bytes, self.hasher)
    }

    /// What it means that it would now get `secret`; and the record to write if it does.
    pub(crate) fn judge(&self, secret: &Secret, client_ttl: Millis) -> (Verdict, Record) {
        let (before, would_get) = (self.record(), self.hasher.fingerprint(secret));
        let verdict = before.map_or(Verdict::Serve, |before| before.judge(would_get, now(), client_ttl));
        (verdict, Record::after(before.as_ref(), would_get, now(), verdict))
    }

    /// The record once it has got `secret`.
    pub(crate) fn record_after(&self, secret: &Secret, verdict: Verdict) -> Record {
        Record::after(self.record().as_ref(), self.hasher.fingerprint(secret), now(), verdict)
    }

    pub(crate) fn write(&self, record: &Record) -> Result<(), FileError> {
        write_in_place(&self.file, &encode(record, self.hasher))
    }
}

/// What was handed out, by every record of the last day in a folder.
pub(crate) fn fingerprint_in(path: &std::path::Path, hasher: &KeyedHasher) -> Option<Fingerprint> {
    let bytes = read(path, Trust::Private, SIZE as u64).ok()??;
    decode(&bytes, hasher).map(|record| record.given)
}

fn stdin_is_socket() -> bool {
    fstat(rustix::stdio::stdin()).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Socket)
}

/// The nearest parent that is no shell and no wrapper: its number and the time of its start.
fn nearest_program() -> Option<String> {
    let mut pid = rustix::process::getppid()?.as_raw_nonzero().get().to_string();
    for _ in 0..MOST_PARENTS {
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let stat = first_read(&format!("/proc/{pid}/stat"))?;
        // The second field is a name in parentheses that may hold anything; after its end the third one begins.
        let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
        let (parent, started) = (fields.get(1)?, fields.get(19)?);
        let name = program.file_name()?.to_str()?;
        if !BETWEEN.contains(&name) {
            return Some(format!("{pid} {started}"));
        }
        (*parent).clone_into(&mut pid);
    }
    None
}

/// What one read gives: the kernel makes up the whole of such a file for each.
fn first_read(path: &str) -> Option<String> {
    let mut bytes = [0; 1024];
    let read = fs::File::open(path).and_then(|mut file| file.read(&mut bytes)).ok()?;
    Some(String::from_utf8_lossy(&bytes[..read]).into_owned())
}

/// The size of a record: small enough for one write in place.
const SIZE: usize = 128;
const SUMMED: usize = SIZE - 16;
const MAGIC: &[u8; 8] = b"caller 1";

fn encode(record: &Record, hasher: &KeyedHasher) -> [u8; SIZE] {
    let Record { given, at, since, differed, doubts } = record;
    let mut bytes = [0; SIZE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..24].copy_from_slice(&given.0);
    bytes[24..32].copy_from_slice(&at.to_le_bytes());
    bytes[32..40].copy_from_slice(&since.to_le_bytes());
    bytes[40] = u8::from(*differed);
    bytes[41] = *doubts;
    let sum = hasher.hash(&[b"record", &bytes[..SUMMED]]);
    bytes[SUMMED..].copy_from_slice(&sum);
    bytes
}

fn decode(bytes: &[u8], hasher: &KeyedHasher) -> Option<Record> {
    let bytes: &[u8; SIZE] = bytes.try_into().ok()?;
    let is_whole = bytes.starts_with(MAGIC) && bytes[SUMMED..] == hasher.hash(&[b"record", &bytes[..SUMMED]]);
    let time = |at: usize| bytes[at..at + 8].try_into().map(Millis::from_le_bytes).ok();
    is_whole.then_some(())?;
    Some(Record {
        given: Fingerprint(bytes[8..24].try_into().ok()?),
        at: time(24)?,
        since: time(32)?,
        differed: bytes[40] == 1,
        doubts: bytes[41],
    })
}

#[cfg(test)]
mod tests {
    use super::{KeyedHasher, SIZE, decode, encode};
    use crate::cache::hash::Fingerprint;
    use crate::cache::refusal::Record;

    #[test]
    fn a_record_is_read_back_whole_or_not_at_all() {
        let hasher = KeyedHasher::new([7; 32]);
        let record = Record { given: Fingerprint([1; 16]), at: 2, since: 3, differed: true, doubts: 1 };
        let bytes = encode(&record, &hasher);
        assert_eq!(decode(&bytes, &hasher), Some(record));
        assert_eq!(decode(&bytes, &KeyedHasher::new([8; 32])), None);
        assert_eq!(decode(&bytes[..SIZE - 1], &hasher), None);
        for torn in 0..SIZE {
            let mut bytes = bytes;
            bytes[torn] ^= 1;
            assert_eq!(decode(&bytes, &hasher), None, "byte {torn}");
        }
    }
}
