//! What setup records of a file and of a setting, to undo it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::file::Edit;

/// A file before and after setup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Edited {
    pub(crate) path: PathBuf,
    /// The text before the first setup. `None` if there was no file.
    pub(crate) before: Option<String>,
    /// The text that the last setup found. The file still has it if that setup was killed before it wrote.
    #[serde(default)]
    found: Option<String>,
    pub(crate) written: String,
    /// The topmost folder that was created for the file.
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
    /// The record of a setup that makes `edit`. `rest` is the file without what earlier setups wrote.
    pub(crate) fn next(earlier: Option<Self>, edit: &Edit, rest: Option<String>) -> Self {
        let target = &edit.target;
        let (before, made) = match earlier {
            Some(edited) if edited.is_untouched(target.text()) => (edited.before, edited.made),
            Some(edited) if target.text.is_some() => (rest.and_then(|rest| edited.remainder(rest)), edited.made),
            _ => (target.text.clone(), target.missing_folder()),
        };
        Self { path: target.path.clone(), before, found: target.text.clone(), written: edit.after().to_owned(), made }
    }

    /// Whether `text`, which the file has now, was left there by setup.
    pub(crate) fn is_untouched(&self, text: &str) -> bool {
        text == self.written || self.found.as_deref() == Some(text)
    }

    /// The file that is left when `rest` is all that remains. `None` if setup created the file and nothing remains.
    pub(crate) fn remainder(&self, rest: String) -> Option<String> {
        Some(rest).filter(|rest| self.before.is_some() || !rest.trim().is_empty())
    }
}
