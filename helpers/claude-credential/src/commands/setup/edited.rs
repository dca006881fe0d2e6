//! A file and its settings, before setup and after.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A file before and after.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Edited {
    pub(crate) path: PathBuf,
    /// None where there was no file.
    pub(crate) before: Option<String>,
    /// What the last setup found, of which `before` is what was there without an earlier one: it is there still where
    /// that setup was killed, or could not write.
    #[serde(default)]
    pub(crate) found: Option<String>,
    pub(crate) written: String,
    /// The topmost folder that was made for it.
    pub(crate) made: Option<PathBuf>,
}

/// A setting before, as the file had it, and after.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) path: Vec<String>,
    pub(crate) before: Option<String>,
    pub(crate) after: String,
}

impl Edited {
    /// Whether nobody else has changed it since.
    pub(crate) fn is_as_left(&self, text: &str) -> bool {
        text == self.written || self.found.as_deref() == Some(text)
    }
}
