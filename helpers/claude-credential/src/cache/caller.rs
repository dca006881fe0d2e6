//! The Claude Code process that calls, and what it was handed last.

use std::fs;
use std::path::{Path, PathBuf};

use claude_credential_config::Environment;
use claude_credential_files::{FileError, Trust, hex, read, write_in_place};
use claude_credential_protocol::{Millis, Secret, now};
use rustix::fs::{FileType, fstat};

use crate::cache::Cache;
use crate::cache::hash::{Fingerprint, KeyedHasher};
use crate::cache::refusal::{HandOut, Verdict};
use crate::os::{self, Process};

const MESSAGING_TOKEN: &str = "CLAUDE_CODE_MESSAGING_TOKEN";

/// Programs between Claude Code and this process that are not the caller: shells, and commands that run another
/// command.
const WRAPPERS: [&str; 15] = [
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

/// No user starts a command through more wrappers than this.
const MAX_PARENTS: usize = 16;

/// One process of Claude Code, as far as it can be told from others.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    file: PathBuf,
    pub(crate) hasher: &'a KeyedHasher,
}

impl<'a> Caller<'a> {
    /// The process of Claude Code that called. `None` if a shell, a script or Claude Code's own shell tool called, or
    /// if the process can't be told from others; the 401 rule is not applied then.
    pub(crate) fn identify(environment: &Environment, cache: &'a Cache) -> Option<Self> {
        let text = |name| environment.get(name).ok().flatten();
        let (token, agent) = (text(MESSAGING_TOKEN), text("AI_AGENT"));
        let is_client = token.is_some() && agent.is_some_and(|agent| !agent.ends_with("_agent"));
        if !is_client && !stdin_is_socket() {
            return None;
        }
        let hasher = &cache.hasher;
        // In another namespace, the same process ID means another process.
        let namespace = os::pid_namespace();
        let namespace = namespace.as_os_str().as_encoded_bytes();
        let hash = match token {
            Some(token) => hasher.hash(&[b"token", namespace, token.as_bytes()]),
            None => hasher.hash(&[b"process", namespace, nearest_program()?.as_bytes()]),
        };
        Some(Self { file: cache.file(&hex(&hash), "caller"), hasher })
    }

    /// Judges whether this caller may get `secret` now. Also returns the hand-out to write if it gets it.
    pub(crate) fn judge(&self, secret: &Secret, client_ttl: Millis) -> (Verdict, HandOut) {
        let (before, would_get) = (self.last(), self.hasher.fingerprint(secret));
        let verdict = before.map_or(Verdict::Serve, |before| before.judge(would_get, now(), client_ttl));
        (verdict, HandOut::after(before.as_ref(), would_get, now(), verdict))
    }

    /// The hand-out to write once this caller has got `secret`.
    pub(crate) fn hand_out_after(&self, secret: &Secret, verdict: Verdict) -> HandOut {
        HandOut::after(self.last().as_ref(), self.hasher.fingerprint(secret), now(), verdict)
    }

    /// Whether this caller may ask because its settings changed at this time.
    pub(crate) fn may_ask_because_of(&self, changed: Millis) -> bool {
        self.last().is_some_and(|hand_out| hand_out.may_ask_because_of(changed, now()))
    }

    /// Notes a hand-out, if need be in place of something that can't be written to.
    pub(crate) fn write(&self, hand_out: &HandOut) -> Result<(), FileError> {
        let bytes = encode(hand_out, self.hasher);
        write_in_place(&self.file, &bytes).or_else(|error| {
            fs::remove_file(&self.file).map_err(|_| error)?;
            write_in_place(&self.file, &bytes)
        })
    }

    fn last(&self) -> Option<HandOut> {
        read_hand_out(&self.file, self.hasher)
    }
}

/// The fingerprint of the secret that the hand-out in a file names.
pub(crate) fn fingerprint_in(path: &Path, hasher: &KeyedHasher) -> Option<Fingerprint> {
    read_hand_out(path, hasher).map(|hand_out| hand_out.given)
}

/// The hand-out in a file; `None` if it is torn, or was not written with this user's hash key.
fn read_hand_out(path: &Path, hasher: &KeyedHasher) -> Option<HandOut> {
    let bytes = read(path, Trust::Private, SIZE as u64).ok()??;
    decode(&bytes, hasher)
}

fn stdin_is_socket() -> bool {
    fstat(rustix::stdio::stdin()).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
}

/// The process ID and the start time of the nearest parent that is neither a shell nor another wrapper.
fn nearest_program() -> Option<String> {
    let mut pid = rustix::process::getppid()?.as_raw_nonzero().get().to_string();
    for _ in 0..MAX_PARENTS {
        let (program, process) = (os::executable(&pid)?, Process::read(&pid)?);
        if !WRAPPERS.contains(&program.file_name()?.to_str()?) {
            return Some(format!("{pid} {}", process.started));
        }
        pid = process.parent;
    }
    None
}

/// The size of a hand-out's file: small enough for one write in place.
const SIZE: usize = 128;
const SUMMED: usize = SIZE - 16;
const MAGIC: &[u8; 8] = b"caller 1";

fn encode(hand_out: &HandOut, hasher: &KeyedHasher) -> [u8; SIZE] {
    let HandOut { given, at, since, differed, doubts } = hand_out;
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

fn decode(bytes: &[u8], hasher: &KeyedHasher) -> Option<HandOut> {
    let bytes: &[u8; SIZE] = bytes.try_into().ok()?;
    let is_whole = bytes.starts_with(MAGIC) && bytes[SUMMED..] == hasher.hash(&[b"record", &bytes[..SUMMED]]);
    let time = |at: usize| bytes[at..at + 8].try_into().map(Millis::from_le_bytes).ok();
    is_whole.then_some(())?;
    Some(HandOut {
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
    use crate::cache::refusal::HandOut;

    #[test]
    fn a_hand_out_is_read_back_whole_or_not_at_all() {
        let hasher = KeyedHasher::new([7; 32]);
        let hand_out = HandOut { given: Fingerprint([1; 16]), at: 2, since: 3, differed: true, doubts: 1 };
        let bytes = encode(&hand_out, &hasher);
        assert_eq!(decode(&bytes, &hasher), Some(hand_out));
        assert_eq!(decode(&bytes, &KeyedHasher::new([8; 32])), None);
        assert_eq!(decode(&bytes[..SIZE - 1], &hasher), None);
        for torn in 0..SIZE {
            let mut bytes = bytes;
            bytes[torn] ^= 1;
            assert_eq!(decode(&bytes, &hasher), None, "byte {torn}");
        }
    }
}
