use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which file stands at a path: changes whenever the file is replaced, edited, made or removed, or gets another owner or
/// mode.
///
/// It contains the time of the last change of the inode, which no program can set back; and owner and mode, since not
/// every file system records that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(Result<[u64; 10], i32>);

impl Identity {
    /// Of the file that `path` leads to, links followed: an edited target counts.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        // Why the file can't be read: an absent file sets nothing, but a file that is out of reach may set anything.
        let absence = |error: &std::io::Error| error.raw_os_error().unwrap_or_default();
        Self(fs::metadata(path).as_ref().map(numbers).map_err(absence))
    }

    /// Whether there is a file.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.0.is_ok()
    }

    /// As bytes, for a hash.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self.0 {
            Ok(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Err(error) => error.to_le_bytes().to_vec(),
        }
    }
}

fn numbers(found: &fs::Metadata) -> [u64; 10] {
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
}
