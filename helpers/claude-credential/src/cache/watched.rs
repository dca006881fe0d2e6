//! What a long look went by, and how that stands.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use claude_credential_protocol::{Millis, now};

/// A file that was changed so short a time ago may change again without its times telling: git's index leaves these out
/// as well ("racily clean").
const SETTLED: Millis = 2_000;

/// [`SETTLED`], unless a test says otherwise: a release build reads no variable for it.
fn settled() -> Millis {
    #[cfg(debug_assertions)]
    if let Some(millis) = std::env::var("CLAUDE_CREDENTIAL_TEST_SETTLED").ok().and_then(|value| value.parse().ok()) {
        return millis;
    }
    SETTLED
}

/// Something that a long look went by, there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watched {
    /// What stands there: another file, an edit, a change of owner or mode.
    File(PathBuf),
    /// Where it leads to.
    Folder(PathBuf),
}

impl Watched {
    pub(crate) fn parts(&self) -> (u8, &Path) {
        match self {
            Self::File(path) => (b'f', path),
            Self::Folder(path) => (b'd', path),
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, path) = bytes.split_first()?;
        let path = PathBuf::from(OsString::from_vec(path.to_vec()));
        match kind {
            b'f' => Some(Self::File(path)),
            b'd' => Some(Self::Folder(path)),
            _ => None,
        }
    }

    /// How it stands now.
    pub(crate) fn state(&self) -> Vec<u8> {
        match self {
            Self::File(path) => fs::metadata(path).map_or_else(|error| absence(&error), |found| state(&found)),
            Self::Folder(path) => {
                fs::canonicalize(path).map_or_else(|error| absence(&error), |found| found.into_os_string().into_vec())
            }
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        let Self::File(path) = self else { return true };
        let Ok(found) = fs::metadata(path) else { return true };
        let changed = found.ctime().max(found.mtime());
        u64::try_from(changed).is_ok_and(|seconds| seconds * 1000 + settled() < now())
    }
}

/// Why it can't be looked at: what is not there sets nothing, and what is out of reach may set anything.
fn absence(error: &io::Error) -> Vec<u8> {
    error.raw_os_error().unwrap_or_default().to_le_bytes().to_vec()
}

/// The time of the last change of its inode is among it: nothing sets that back. Owner and mode are as well, since not
/// every file system tells that time.
fn state(found: &fs::Metadata) -> Vec<u8> {
    let bits = i64::cast_unsigned;
    [
        found.dev(),
        found.ino(),
        found.size(),
        u64::from(found.mode()),
        u64::from(found.uid()),
        u64::from(found.gid()),
        bits(found.mtime()),
        bits(found.mtime_nsec()),
        bits(found.ctime()),
        bits(found.ctime_nsec()),
    ]
    .iter()
    .flat_map(|number| number.to_le_bytes())
    .collect()
}
