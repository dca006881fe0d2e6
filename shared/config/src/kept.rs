//! The index of the keys that we keep.

use std::path::PathBuf;

use claude_credential_files::exists;
use claude_credential_protocol::{BaseUrl, Error, NotAnOrigin, Origin};
use serde::{Deserialize, Serialize};

use crate::Folders;
use crate::index::Index;

const INDEX: Index = Index { name: "kept", field: "keys", what: "keys" };

/// One key that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// `https` or `http`.
    pub protocol: String,
    /// The host that it is for.
    pub host: String,
    /// The path there, if it is for that path alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
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
        let name =
            |kept: &'_ Self| (kept.protocol.clone(), kept.host.clone(), kept.path.clone(), kept.username.clone());
        name(self) == name(other)
    }

    /// Where it may go.
    pub fn base_url(&self) -> Result<BaseUrl, NotAnOrigin> {
        BaseUrl::new(Origin::new(&self.protocol, &self.host)?, self.path.as_deref().unwrap_or_default())
    }
}

/// The path of the index.
#[must_use]
pub fn path(folders: &Folders) -> PathBuf {
    INDEX.path(folders)
}

/// Whether anything is kept, as far as the index tells by being there. What exactly is for the helper to say.
pub fn is_any(folders: &Folders) -> Result<bool, Error> {
    Ok(exists(&path(folders))?)
}

/// What is kept.
pub fn list(folders: &Folders) -> Result<Vec<Kept>, Error> {
    INDEX.list(folders)
}

/// Adds a key, in the place of one of the same name.
pub fn add(folders: &Folders, kept: &Kept) -> Result<(), Error> {
    INDEX.update(folders, |keys: &mut Vec<Kept>| {
        keys.retain(|other| !other.is_same_key(kept));
        keys.push(kept.clone());
    })
}

/// Removes a key.
pub fn remove(folders: &Folders, kept: &Kept) -> Result<(), Error> {
    INDEX.update(folders, |keys: &mut Vec<Kept>| keys.retain(|other| !other.is_same_key(kept)))
}

#[cfg(test)]
mod tests {
    use super::{Kept, Place, add, list, path, remove};
    use crate::{Environment, Folders};

    #[test]
    fn a_key_is_listed_until_it_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(&Environment::from_pairs([("HOME", home.path())])).unwrap();
        let of = |path: Option<&str>, place| Kept {
            protocol: "https".to_owned(),
            host: "api.anthropic.com".to_owned(),
            path: path.map(str::to_owned),
            username: None,
            place,
        };
        let kept = |place| of(None, place);
        assert_eq!(list(&folders).unwrap(), []);
        add(&folders, &kept(Place::File)).unwrap();
        add(&folders, &kept(Place::Keychain)).unwrap();
        assert_eq!(list(&folders).unwrap(), [kept(Place::Keychain)]);
        remove(&folders, &of(Some("v1/acct-1"), Place::Keychain)).unwrap();
        assert_eq!(list(&folders).unwrap(), [kept(Place::Keychain)]);
        remove(&folders, &kept(Place::File)).unwrap();
        assert_eq!(list(&folders).unwrap(), []);
        claude_credential_files::replace(&path(&folders), b"{\"version\":2,\"keys\":[]}").unwrap();
        assert!(list(&folders).is_err());
    }
}
