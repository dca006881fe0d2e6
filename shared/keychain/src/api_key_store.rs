use std::time::{Duration, Instant};

use claude_credential_config::kept::{self, Kept, Place};
use claude_credential_config::{Folders, KeyStore, generation};
use claude_credential_files::{Lock, ensure_folder};
use claude_credential_protocol::{Error, Secret, is_past};

use crate::api_key::ApiKey;
use crate::key_name::KeyName;
use crate::secret_store::{Placement, SecretStore};

/// The API keys that are kept for the user, with an index of their names.
///
/// A crash between any two steps of these operations leaves the old state or the new one: a key is written before the
/// index names it, and leaves the index after it was removed. In between, the index may name a key that no longer exists.
/// `find` reports that as an error, and the next login or logout mends it.
#[derive(Debug)]
pub struct ApiKeyStore<'a> {
    folders: &'a Folders,
    secrets: SecretStore<'a>,
}

/// What `store` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOutcome {
    /// Where the key is.
    pub placement: Placement,
    /// Whether the key that it replaces is left where it was, because it could not be removed.
    pub old_one_left: bool,
}

impl<'a> ApiKeyStore<'a> {
    /// The keys of the user with these `folders`. All calls together take no longer than `patience`.
    #[must_use]
    pub fn new(folders: &'a Folders, patience: Duration) -> Self {
        Self { folders, secrets: SecretStore::new(folders, patience) }
    }

    /// The key of that name; `None` if there is none, or it has expired.
    pub fn find(&self, name: &KeyName) -> Result<Option<(ApiKey, Place)>, Error> {
        let Some(place) = self.place_of(name)? else { return Ok(None) };
        let mut found = self.read(name, place)?.map(|value| (value, place));
        if found.is_none() {
            // Another process may be moving or removing it, so read again under the lock.
            let _lock = self.lock()?;
            let Some(place) = self.place_of(name)? else { return Ok(None) };
            let gone = || {
                let shown = self.shown(name, place);
                Error::sign_in(format!("the key for {name} is no longer in {shown}; run: {}", name.login()))
            };
            found = Some((self.read(name, place)?.ok_or_else(gone)?, place));
        }
        Ok(found.filter(|(value, _)| !is_past(value.expires_at)))
    }

    /// Stores `value` under `name`, where `key_store` says, and reads it back before it reports success.
    pub fn store(&self, name: &KeyName, value: &ApiKey, key_store: KeyStore) -> Result<StoreOutcome, Error> {
        let _lock = self.lock()?;
        let before = self.place_of(name)?;
        let placement = self.secrets.write(&name.item(), &value.to_bytes(name)?, key_store)?;
        let place = placement.place;
        if before != Some(place) {
            let listed = kept::add(self.folders, &kept(name, place));
            if let (Err(error), None) = (&listed, before) {
                // Without the index entry the key could never be found or removed.
                self.secrets.remove(&name.item(), place).map_err(|_| error.clone())?;
            }
            listed?;
        }
        generation::touch(self.folders)?;
        let old_one_left = match place {
            // Even if the index did not name it: a crash may have left it.
            Place::Keychain => self.secrets.remove(&name.item(), Place::File).is_err(),
            Place::File => {
                before == Some(Place::Keychain) && self.secrets.remove(&name.item(), Place::Keychain).is_err()
            }
        };
        Ok(StoreOutcome { placement, old_one_left })
    }

    /// Erases the key of that name, or only if it is `only_if`. Returns whether a key was erased.
    pub fn erase(&self, name: &KeyName, only_if: Option<&Secret>) -> Result<bool, Error> {
        if self.place_of(name)?.is_none() {
            return Ok(false);
        }
        let _lock = self.lock()?;
        let Some(place) = self.place_of(name)? else { return Ok(false) };
        if let Some(secret) = only_if
            && self.read(name, place)?.is_none_or(|value| value.secret != *secret)
        {
            return Ok(false);
        }
        self.secrets.remove(&name.item(), place)?;
        kept::remove(self.folders, &kept(name, place))?;
        generation::touch(self.folders)?;
        Ok(true)
    }

    /// The names of all keys, and where they are. Opens no keychain.
    pub fn names(&self) -> Result<Vec<(KeyName, Place)>, Error> {
        let kept = kept::list(self.folders)?;
        kept.iter().map(|kept| Ok((KeyName::of_kept(kept)?, kept.place))).collect()
    }

    /// Where a key is, as messages say it.
    #[must_use]
    pub fn shown(&self, name: &KeyName, place: Place) -> String {
        self.secrets.shown(&name.item(), place)
    }

    /// The same for a key that was just stored, with the reason why it is in a file.
    #[must_use]
    pub fn describe(&self, name: &KeyName, placement: &Placement, key_store: KeyStore) -> String {
        self.secrets.describe(&name.item(), placement, key_store)
    }

    fn place_of(&self, name: &KeyName) -> Result<Option<Place>, Error> {
        Ok(self.names()?.into_iter().find(|(kept, _)| kept == name).map(|(_, place)| place))
    }

    /// The lock for all steps of a change.
    fn lock(&self) -> Result<Lock, Error> {
        ensure_folder(&self.folders.data)?;
        let patience = self.secrets.until.saturating_duration_since(Instant::now());
        Ok(Lock::acquire(&self.folders.data.join("keys.lock"), patience)?)
    }

    fn read(&self, name: &KeyName, place: Place) -> Result<Option<ApiKey>, Error> {
        let bytes = self.secrets.read(&name.item(), place)?;
        bytes.map(|bytes| ApiKey::parse(&bytes, name)).transpose()
    }
}

fn kept(name: &KeyName, place: Place) -> Kept {
    Kept {
        protocol: name.host.origin().protocol().to_owned(),
        host: name.host.origin().host().to_owned(),
        path: Some(name.host.path()).filter(|path| !path.is_empty()).map(str::to_owned),
        username: name.account.clone(),
        place,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use claude_credential_config::kept::{self, Place};
    use claude_credential_config::{Environment, Folders, KeyStore, generation};
    use claude_credential_files::Identity;
    use claude_credential_protocol::{BaseUrl, Class, Secret};

    use super::{ApiKey, ApiKeyStore, KeyName, Placement, StoreOutcome};

    fn home() -> (tempfile::TempDir, Folders) {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(&Environment::from_pairs([("HOME", home.path())])).unwrap();
        (home, folders)
    }

    fn name(account: Option<&str>) -> KeyName {
        KeyName { host: BaseUrl::listed("api.anthropic.com").unwrap(), account: account.map(str::to_owned) }
    }

    fn value(secret: &str) -> ApiKey {
        ApiKey { secret: secret.into(), expires_at: None }
    }

    fn store(folders: &Folders) -> ApiKeyStore<'_> {
        ApiKeyStore::new(folders, Duration::from_secs(20))
    }

    #[test]
    fn a_key_in_a_file_is_found_by_its_own_name_alone() {
        let (_home, folders) = home();
        let keys = store(&folders);
        assert_eq!(keys.find(&name(None)).unwrap(), None);
        let stored = keys.store(&name(None), &value("CANARY-1"), KeyStore::File).unwrap();
        let placement = Placement { place: Place::File, no_keychain: None };
        assert_eq!(stored, StoreOutcome { placement, old_one_left: false });
        keys.store(&name(Some("me")), &value("CANARY-2"), KeyStore::File).unwrap();
        assert_eq!(keys.find(&name(None)).unwrap(), Some((value("CANARY-1"), Place::File)));
        assert_eq!(keys.find(&name(Some("me"))).unwrap(), Some((value("CANARY-2"), Place::File)));
        assert_eq!(keys.find(&name(Some("you"))).unwrap(), None);
        let other = KeyName { host: BaseUrl::listed("http://api.anthropic.com").unwrap(), account: None };
        assert_eq!(keys.find(&other).unwrap(), None);
        let file = keys.shown(&name(None), Place::File);
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_last_one_kept_counts_and_an_expired_one_does_not() {
        let (_home, folders) = home();
        let keys = store(&folders);
        for (expires_at, counts) in [(None, true), (Some(4_102_444_800), true), (Some(1), false)] {
            let value = ApiKey { secret: "CANARY".into(), expires_at };
            keys.store(&name(None), &value, KeyStore::File).unwrap();
            let expected = counts.then_some((value, Place::File));
            assert_eq!(keys.find(&name(None)).unwrap(), expected);
        }
        assert_eq!(keys.names().unwrap(), [(name(None), Place::File)]);
    }

    #[test]
    fn another_secret_erases_nothing() {
        let (_home, folders) = home();
        let keys = store(&folders);
        keys.store(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        let before = Identity::of(&generation::path(&folders));
        assert!(!keys.erase(&name(None), Some(&Secret::from("other"))).unwrap());
        assert!(!keys.erase(&name(Some("me")), None).unwrap());
        assert_eq!(before, Identity::of(&generation::path(&folders)));
        assert!(keys.erase(&name(None), Some(&Secret::from("CANARY"))).unwrap());
        assert_ne!(before, Identity::of(&generation::path(&folders)));
        assert_eq!(keys.find(&name(None)).unwrap(), None);
        assert_eq!(fs::read_dir(folders.data.join("keys")).unwrap().count(), 0);
    }

    #[test]
    fn a_key_that_is_gone_is_an_error_until_the_next_login_or_logout() {
        let (_home, folders) = home();
        let keys = store(&folders);
        keys.store(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        fs::remove_file(keys.shown(&name(None), Place::File)).unwrap();
        let error = keys.find(&name(None)).unwrap_err();
        assert_eq!(error.class(), Class::SignIn);
        assert!(error.to_string().ends_with("login api-key --host api.anthropic.com"), "{error}");
        assert!(keys.erase(&name(None), None).unwrap());
        assert_eq!(keys.find(&name(None)).unwrap(), None);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_home, folders) = home();
        let keys = store(&folders);
        keys.store(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        let file = keys.shown(&name(None), Place::File);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = keys.find(&name(None)).unwrap_err();
        assert_eq!(error.class(), Class::Config);
        assert!(error.to_string().ends_with(&format!("chmod 600 {file}")), "{error}");
    }

    #[test]
    fn what_is_not_in_the_index_is_not_there() {
        let (_home, folders) = home();
        let keys = store(&folders);
        keys.store(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        fs::remove_file(kept::path(&folders)).unwrap();
        assert_eq!(keys.find(&name(None)).unwrap(), None);
        assert!(!keys.erase(&name(None), None).unwrap());
    }
}
