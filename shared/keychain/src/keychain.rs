use std::time::{Duration, Instant};

use claude_credential_config::kept::{self, Kept, Place};
use claude_credential_config::{Folders, KeyStore, generation};
use claude_credential_files::{Lock, ensure_folder};
use claude_credential_protocol::{Error, Secret, now};

use crate::{Name, Safe, Value};

/// The keys that we keep.
///
/// What a crash leaves behind, between any two steps of these operations, is the old state or the new one: a key is
/// written before the index names it, and it leaves the index after it is gone. In between, the index may name a key
/// that is no longer there. That is said as an error, and the next login or logout mends it.
#[derive(Debug)]
pub struct Keychain<'a> {
    folders: &'a Folders,
    safe: Safe<'a>,
}

/// Where a key was put, and what the user should be told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it is.
    pub place: Place,
    /// Why it is not in the keychain, where that would have been the place.
    pub no_keychain: Option<String>,
    /// The key that it replaces is still in the keychain, which did not let us remove it.
    pub old_one_left: bool,
}

impl<'a> Keychain<'a> {
    /// Those of the user whose `folders` these are. All that is done with them together takes no longer than `patience`.
    #[must_use]
    pub fn new(folders: &'a Folders, patience: Duration) -> Self {
        Self { folders, safe: Safe::new(folders, patience) }
    }

    /// The key that is kept under `name` and has not expired.
    pub fn find(&self, name: &Name) -> Result<Option<(Value, Place)>, Error> {
        let Some(place) = self.place_of(name)? else { return Ok(None) };
        let mut found = self.read(name, place)?.map(|value| (value, place));
        if found.is_none() {
            // Somebody may be moving or removing it this moment: asked again when he is done.
            let _lock = self.lock()?;
            let Some(place) = self.place_of(name)? else { return Ok(None) };
            let gone = || {
                let shown = self.shown(name, place);
                Error::sign_in(format!("the key for {name} is no longer in {shown}; run: {}", name.login()))
            };
            found = Some((self.read(name, place)?.ok_or_else(gone)?, place));
        }
        Ok(found.filter(|(value, _)| value.expires_at.is_none_or(|at| at.saturating_mul(1000) > now())))
    }

    /// Keeps `value` under `name`, where `key_store` says. It counts as kept only once it has been read back.
    pub fn keep(&self, name: &Name, value: &Value, key_store: KeyStore) -> Result<Stored, Error> {
        let _lock = self.lock()?;
        let before = self.place_of(name)?;
        let (place, no_keychain) = self.safe.write(&name.item(), &value.to_bytes(name)?, key_store)?;
        if before != Some(place) {
            let listed = kept::add(self.folders, &kept(name, place));
            if let (Err(error), None) = (&listed, before) {
                // Nothing may be kept that nobody can find again.
                self.safe.remove(&name.item(), place).map_err(|_| error.clone())?;
            }
            listed?;
        }
        generation::touch(self.folders)?;
        let old_one_left = match place {
            // Looked for even where the index did not name it: a crash may have left it.
            Place::Keychain => self.safe.remove(&name.item(), Place::File).is_err(),
            Place::File => before == Some(Place::Keychain) && self.safe.remove(&name.item(), Place::Keychain).is_err(),
        };
        Ok(Stored { place, no_keychain, old_one_left })
    }

    /// Forgets what is kept under `name`, if it is `only_if`; without one, whatever it is. Says whether there was one.
    pub fn forget(&self, name: &Name, only_if: Option<&Secret>) -> Result<bool, Error> {
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
        self.safe.remove(&name.item(), place)?;
        kept::remove(self.folders, &kept(name, place))?;
        generation::touch(self.folders)?;
        Ok(true)
    }

    /// The names under which keys are kept, and where. Opens no keychain.
    pub fn names(&self) -> Result<Vec<(Name, Place)>, Error> {
        let kept = kept::list(self.folders)?;
        kept.iter().map(|kept| Ok((Name::of_kept(kept)?, kept.place))).collect()
    }

    /// A place, as people are told of it.
    #[must_use]
    pub fn shown(&self, name: &Name, place: Place) -> String {
        self.safe.shown(&name.item(), place)
    }

    fn place_of(&self, name: &Name) -> Result<Option<Place>, Error> {
        Ok(self.names()?.into_iter().find(|(kept, _)| kept == name).map(|(_, place)| place))
    }

    /// Held by whoever changes a key, over all steps of the change.
    fn lock(&self) -> Result<Lock, Error> {
        ensure_folder(&self.folders.data)?;
        let patience = self.safe.until.saturating_duration_since(Instant::now());
        let lock = Lock::acquire(&self.folders.data.join("keys.lock"), patience);
        lock.map_err(|error| Error::unavailable(error.to_string()))
    }

    fn read(&self, name: &Name, place: Place) -> Result<Option<Value>, Error> {
        let bytes = self.safe.read(&name.item(), place)?;
        bytes.map(|bytes| Value::parse(&bytes, name)).transpose()
    }
}

fn kept(name: &Name, place: Place) -> Kept {
    Kept {
        protocol: name.origin.protocol().to_owned(),
        host: name.origin.host().to_owned(),
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
    use claude_credential_protocol::{Class, Origin, Secret};

    use super::{Keychain, Stored};
    use crate::{Name, Value};

    fn home() -> (tempfile::TempDir, Folders) {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(&Environment::from_pairs([("HOME", home.path())])).unwrap();
        (home, folders)
    }

    fn name(account: Option<&str>) -> Name {
        Name { origin: Origin::listed("api.anthropic.com").unwrap(), account: account.map(str::to_owned) }
    }

    fn value(secret: &str) -> Value {
        Value { secret: secret.into(), expires_at: None }
    }

    fn keychain(folders: &Folders) -> Keychain<'_> {
        Keychain::new(folders, Duration::from_secs(20))
    }

    #[test]
    fn a_key_in_a_file_is_found_by_its_own_name_alone() {
        let (_home, folders) = home();
        let keys = keychain(&folders);
        assert_eq!(keys.find(&name(None)).unwrap(), None);
        let stored = keys.keep(&name(None), &value("CANARY-1"), KeyStore::File).unwrap();
        assert_eq!(stored, Stored { place: Place::File, no_keychain: None, old_one_left: false });
        keys.keep(&name(Some("me")), &value("CANARY-2"), KeyStore::File).unwrap();
        assert_eq!(keys.find(&name(None)).unwrap(), Some((value("CANARY-1"), Place::File)));
        assert_eq!(keys.find(&name(Some("me"))).unwrap(), Some((value("CANARY-2"), Place::File)));
        assert_eq!(keys.find(&name(Some("you"))).unwrap(), None);
        let other = Name { origin: Origin::listed("http://api.anthropic.com").unwrap(), account: None };
        assert_eq!(keys.find(&other).unwrap(), None);
        let file = keys.shown(&name(None), Place::File);
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_last_one_kept_counts_and_an_expired_one_does_not() {
        let (_home, folders) = home();
        let keys = keychain(&folders);
        for (expires_at, counts) in [(None, true), (Some(4_102_444_800), true), (Some(1), false)] {
            let value = Value { secret: "CANARY".into(), expires_at };
            keys.keep(&name(None), &value, KeyStore::File).unwrap();
            let expected = counts.then_some((value, Place::File));
            assert_eq!(keys.find(&name(None)).unwrap(), expected);
        }
        assert_eq!(keys.names().unwrap(), [(name(None), Place::File)]);
    }

    #[test]
    fn another_secret_erases_nothing() {
        let (_home, folders) = home();
        let keys = keychain(&folders);
        keys.keep(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        let before = Identity::of(&generation::path(&folders));
        assert!(!keys.forget(&name(None), Some(&Secret::from("other"))).unwrap());
        assert!(!keys.forget(&name(Some("me")), None).unwrap());
        assert_eq!(before, Identity::of(&generation::path(&folders)));
        assert!(keys.forget(&name(None), Some(&Secret::from("CANARY"))).unwrap());
        assert_ne!(before, Identity::of(&generation::path(&folders)));
        assert_eq!(keys.find(&name(None)).unwrap(), None);
        assert_eq!(fs::read_dir(folders.data.join("keys")).unwrap().count(), 0);
    }

    #[test]
    fn a_key_that_is_gone_is_an_error_until_the_next_login_or_logout() {
        let (_home, folders) = home();
        let keys = keychain(&folders);
        keys.keep(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        fs::remove_file(keys.shown(&name(None), Place::File)).unwrap();
        let error = keys.find(&name(None)).unwrap_err();
        assert_eq!(error.class(), Class::SignIn);
        assert!(error.to_string().ends_with("run: claude-credential login api-key"), "{error}");
        assert!(keys.forget(&name(None), None).unwrap());
        assert_eq!(keys.find(&name(None)).unwrap(), None);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let (_home, folders) = home();
        let keys = keychain(&folders);
        keys.keep(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        let file = keys.shown(&name(None), Place::File);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = keys.find(&name(None)).unwrap_err();
        assert_eq!(error.class(), Class::Config);
        assert!(error.to_string().ends_with(&format!("chmod 600 {file}")), "{error}");
    }

    #[test]
    fn what_is_not_in_the_index_is_not_there() {
        let (_home, folders) = home();
        let keys = keychain(&folders);
        keys.keep(&name(None), &value("CANARY"), KeyStore::File).unwrap();
        fs::remove_file(kept::path(&folders)).unwrap();
        assert_eq!(keys.find(&name(None)).unwrap(), None);
        assert!(!keys.forget(&name(None), None).unwrap());
    }
}
