//! Indexes of what we keep: names and locations, never secrets.
//!
//! They say what there is without opening a keychain, which costs milliseconds and can ask for a password; and to the
//! dispatcher, which links no keychain, that there is something to ask for at all.

use std::path::PathBuf;
use std::time::Duration;

use claude_credential_files::{Lock, Trust, ensure_folder, read, replace_durably};
use claude_credential_protocol::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Folders;

/// An entry takes a few hundred bytes, so this is far more than any user has.
const MAX_INDEX: u64 = 1 << 20;

/// An update is a read and a write: a process that holds the lock longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// A file of JSON with a version and a list.
pub(crate) struct Index {
    /// The name of the file, without its extension.
    pub(crate) name: &'static str,
    /// The field that has the list.
    pub(crate) field: &'static str,
    /// What is listed, for messages.
    pub(crate) what: &'static str,
}

impl Index {
    pub(crate) fn path(&self, folders: &Folders) -> PathBuf {
        folders.data.join(self.name).with_extension("json")
    }

    pub(crate) fn list<T: DeserializeOwned>(&self, folders: &Folders) -> Result<Vec<T>, Error> {
        let path = self.path(folders);
        let Some(bytes) = read(&path, Trust::Private, MAX_INDEX)? else { return Ok(Vec::new()) };
        let entries = serde_json::from_slice(&bytes).ok().and_then(|index: Value| {
            let is_known = index["version"] == 1 && index.as_object()?.len() == 2;
            serde_json::from_value(index[self.field].clone()).ok().filter(|_| is_known)
        });
        entries.ok_or_else(|| {
            let (path, what) = (path.display(), self.what);
            let message = format!("{path} is not an index of {what} that this version knows");
            Error::config(format!("{message}; move it away and sign in again"))
        })
    }

    /// Changes the list. The file exists only while there is an entry, so a caller that asks no more than that need not
    /// read it.
    pub(crate) fn update<T>(&self, folders: &Folders, change: impl FnOnce(&mut Vec<T>)) -> Result<(), Error>
    where
        T: DeserializeOwned + Serialize,
    {
        ensure_folder(&folders.data)?;
        let path = self.path(folders);
        let _lock = Lock::acquire(&path.with_extension("lock"), PATIENCE)?;
        let mut entries = self.list(folders)?;
        change(&mut entries);
        if entries.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::config(format!("{} can't be removed: {error}", path.display())))
                }
                _ => Ok(()),
            };
        }
        let index = json!({ "version": 1, self.field: entries });
        Ok(replace_durably(&path, format!("{index:#}").as_bytes())?)
    }
}
