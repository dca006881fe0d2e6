//! The files and folders that decided what a full lookup found, and their state.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use claude_credential_files::Identity;
use claude_credential_protocol::{Millis, now};

/// A file that changed less than this long ago may change again without a change of its times: git's index has the same
/// rule ("racily clean").
const SETTLED: Millis = 2_000;

/// [`SETTLED`], unless a test sets another time, which only a debug build reads.
fn settled() -> Millis {
    #[cfg(debug_assertions)]
    if let Some(millis) = std::env::var("CLAUDE_CREDENTIAL_TEST_SETTLED").ok().and_then(|value| value.parse().ok()) {
        return millis;
    }
    SETTLED
}

/// A file or folder that decided what a full lookup found, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watched {
    /// Another file at the path, an edit, and a change of owner or mode count.
    File(PathBuf),
    /// The folder that the path resolves to counts.
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

    /// The state now.
    pub(crate) fn state(&self) -> Vec<u8> {
        match self {
            Self::File(path) => Identity::of(path).to_bytes(),
            Self::Folder(path) => match fs::canonicalize(path) {
                Ok(folder) => folder.into_os_string().into_vec(),
                Err(error) => error.raw_os_error().unwrap_or_default().to_le_bytes().to_vec(),
            },
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        let Self::File(path) = self else { return true };
        let Ok(metadata) = fs::metadata(path) else { return true };
        let changed = metadata.ctime().max(metadata.mtime());
        u64::try_from(changed).is_ok_and(|seconds| seconds * 1000 + settled() < now())
    }
}
