//! The index of the keys that we keep: names and locations, never secrets.
//!
//! It says which keychain items there are without opening a keychain, which costs milliseconds and can ask for a
//! password; and to the dispatcher, which links no keychain, that there is something to ask for at all.

use std::path::PathBuf;
use std::time::Duration;

use claude_credential_files::{Lock, Trust, ensure_folder, read, replace_durably};
use claude_credential_protocol::Error;
use serde::{Deserialize, Serialize};

use crate::Folders;

/// An entry takes a few hundred bytes, so this is far more keys than any user has.
const MAX_INDEX: u64 = 1 << 20;

/// An update is a read and a write: a process that holds the lock longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// One key that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// `https` or `http`.
    pub protocol: String,
    /// The host that it is for.
    pub host: String,
    /// The account, if it was stored for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where it is.
    pub place: Place,
}

/// Where a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The keychain of the operating system.
    Keychain,
    /// A file of mode 0600 in our data folder.
    File,
}

impl Kept {
    /// Whether both are names of the same key; where it is does not matter.
    #[must_use]
    pub fn is_same_key(&self, other: &Self) -> bool {
        let name = |kept: &'_ Self| (kept.protocol.clone(), kept.host.clone(), kept.username.clone());
        name(self) == name(other)
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Index {
    version: u32,
    keys: Vec<Kept>,
}

/// The path of the index.
#[must_use]
pub fn path(folders: &Folders) -> PathBuf {
    folders.data.join("kept.json")
}

/// Whether anything is kept. What exactly, and whether the index can be read at all, is for the helper to say.
#[must_use]
pub fn is_any(folders: &Folders) -> bool {
    path(folders).symlink_metadata().is_ok()
}

/// What is kept.
pub fn list(folders: &Folders) -> Result<Vec<Kept>, Error> {
    let path = path(folders);
    let Some(bytes) = read(&path, Trust::Private, MAX_INDEX)? else { return Ok(Vec::new()) };
    let parsed = serde_json::from_slice::<Index>(&bytes);
    let index = parsed.ok().filter(|index| index.version == 1).ok_or_else(|| {
        let path = path.display();
        Error::config(format!("{path} is not an index of keys that this version knows; move it away and sign in again"))
    })?;
    Ok(index.keys)
}

/// Adds a key, in the place of one of the same name.
pub fn add(folders: &Folders, kept: &Kept) -> Result<(), Error> {
    update(folders, |keys| {
        keys.retain(|other| !other.is_same_key(kept));
        keys.push(kept.clone());
    })
}

/// Removes a key.
pub fn remove(folders: &Folders, kept: &Kept) -> Result<(), Error> {
    update(folders, |keys| keys.retain(|other| !other.is_same_key(kept)))
}

fn update(folders: &Folders, change: impl FnOnce(&mut Vec<Kept>)) -> Result<(), Error> {
    ensure_folder(&folders.data)?;
    let lock = folders.data.join("kept.lock");
    let _lock = Lock::acquire(&lock, PATIENCE).map_err(|error| Error::unavailable(error.to_string()))?;
    let mut keys = list(folders)?;
    change(&mut keys);
    if keys.is_empty() {
        // An index exists only while it has an entry, so a caller that asks no more than that need not read it.
        return match std::fs::remove_file(path(folders)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::config(format!("{} can't be removed: {error}", path(folders).display())))
            }
            _ => Ok(()),
        };
    }
    let bytes = serde_json::to_vec_pretty(&Index { version: 1, keys })
        .map_err(|error| Error::broke(format!("can't write the index of keys: {error}")))?;
    Ok(replace_durably(&path(folders), &bytes)?)
}

#[cfg(test)]
mod tests {
    use super::{Kept, Place, add, list, path, remove};
    use crate::{Environment, Folders};

    #[test]
    fn a_key_is_listed_until_it_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(&Environment::from_pairs([("HOME", home.path())])).unwrap();
        let kept =
            |place| Kept { protocol: "https".to_owned(), host: "api.anthropic.com".to_owned(), username: None, place };
        assert_eq!(list(&folders).unwrap(), []);
        add(&folders, &kept(Place::File)).unwrap();
        add(&folders, &kept(Place::Keychain)).unwrap();
        assert_eq!(list(&folders).unwrap(), [kept(Place::Keychain)]);
        remove(&folders, &kept(Place::File)).unwrap();
        assert_eq!(list(&folders).unwrap(), []);
        claude_credential_files::replace(&path(&folders), b"{\"version\":2,\"keys\":[]}").unwrap();
        assert!(list(&folders).is_err());
    }
}
