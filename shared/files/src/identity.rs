use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which file stands at a path: changes whenever the file is replaced, edited, made or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Identity([u64; 5]);

impl Identity {
    /// Of the file that `path` leads to, links followed: an edited target counts.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        fs::metadata(path).map_or_else(|_| Self::default(), |found| Self::from(&found))
    }

    /// Whether there is a file.
    #[must_use]
    pub fn exists(&self) -> bool {
        *self != Self::default()
    }

    /// As bytes, for a hash.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|number| number.to_le_bytes()).collect()
    }
}

impl From<&fs::Metadata> for Identity {
    fn from(found: &fs::Metadata) -> Self {
        let bits = i64::cast_unsigned;
        Self([found.dev(), found.ino(), found.size(), bits(found.mtime()), bits(found.mtime_nsec())])
    }
}
