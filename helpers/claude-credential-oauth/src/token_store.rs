//! Where token sets are kept: in the keychain or in a file, with an index of names beside them.

use std::path::PathBuf;
use std::time::Duration;

use claude_credential_config::kept::Place;
use claude_credential_config::logins::{self, Login};
use claude_credential_config::{Folders, KeyStore, Provider, generation};
use claude_credential_files::{Lock, LockError, Trust, ensure_folder, hex, read, replace};
use claude_credential_keychain::{Item, Placement, SecretStore, escape};
use claude_credential_protocol::{Error, Millis, now, text};
use sha2::{Digest, Sha256};

use crate::tokens::TokenSet;

/// How long the old token is handed out, without a new attempt, after the provider could not be reached.
const BACK_OFF: Millis = 30_000;

/// The note of a failure: a time and a line.
const MAX_NOTE: u64 = 8192;

/// The least time for the store: a keychain may ask for a password.
const PATIENCE: Duration = Duration::from_secs(20);

/// The time for writing a new set. It does not depend on how late the provider's answer came: the new set may be the only
/// valid one.
const WRITING: Duration = Duration::from_secs(10);

/// The time for removing an old set from another place; it is left there if the keychain asks for a password.
const LEFTOVERS: Duration = Duration::from_secs(3);

/// The token sets of one provider.
#[derive(Debug)]
pub(crate) struct TokenStore<'a> {
    folders: &'a Folders,
    provider: &'a str,
    is_for_people: bool,
    key_store: KeyStore,
    secrets: SecretStore<'a>,
    patience: Duration,
    began: Millis,
}

/// The provider could not be reached a moment ago.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The provider's error, if it came while we waited for the lock. `None` if it is older: then we ask the provider.
    pub(crate) said: Option<Error>,
}

impl<'a> TokenStore<'a> {
    pub(crate) fn new(folders: &'a Folders, provider: &'a Provider, patience: Duration) -> Self {
        let patience = patience.max(PATIENCE);
        let secrets = SecretStore::new(folders, patience);
        let is_for_people = provider.flow.is_for_people();
        // Tokens of flows without a user can be requested again at any time, so the user is not asked for a password.
        let key_store = match provider.store {
            KeyStore::Auto if !is_for_people => KeyStore::File,
            key_store => key_store,
        };
        Self { folders, provider: &provider.name, is_for_people, key_store, secrets, patience, began: now() }
    }

    /// The login of `account`; without one, the current login.
    pub(crate) fn find(&self, account: Option<&str>) -> Result<Option<Login>, Error> {
        logins::find(self.folders, self.provider, account)
    }

    /// The login of exactly that account.
    pub(crate) fn exactly(&self, account: Option<&str>) -> Result<Option<Login>, Error> {
        Ok(self.logins()?.into_iter().find(|login| login.account.as_deref() == account))
    }

    /// All logins of this provider.
    pub(crate) fn logins(&self) -> Result<Vec<Login>, Error> {
        let mut logins = logins::list(self.folders)?;
        logins.retain(|login| login.provider == self.provider);
        Ok(logins)
    }

    /// The token set of `login`; `None` if it is gone.
    pub(crate) fn read(&self, login: &Login) -> Result<Option<TokenSet>, Error> {
        let account = login.account.as_deref();
        let Some(bytes) = self.secrets.read(&self.item(account), login.place)? else { return Ok(None) };
        let item = self.item(account);
        let unknown = || Error::sign_in(format!("what is kept as {} is no token; run: {}", item.shown, item.login));
        TokenSet::parse(&bytes, self.provider, account).map(Some).ok_or_else(unknown)
    }

    /// Stores the first set of an account, or one from a sign-in or `store`, and invalidates all cached answers.
    pub(crate) fn keep(&self, account: Option<&str>, set: &TokenSet, current: bool) -> Result<Placement, Error> {
        let before = self.exactly(account)?.map(|login| login.place);
        let item = self.item(account);
        let placement = self.put(&item, account, set, self.key_store, self.patience)?;
        let place = placement.place;
        let login = Login {
            provider: self.provider.to_owned(),
            account: account.map(str::to_owned),
            place,
            // The only login is the current one.
            current: current || self.find(None)?.is_none_or(|login| login.account.as_deref() == account),
        };
        logins::add(self.folders, &login)?;
        // Remove the set that this one replaces. A file is removed even if the index did not name it: a crash may have
        // left it.
        match place {
            Place::Keychain => self.clear(&item, Place::File),
            Place::File if before == Some(Place::Keychain) => self.clear(&item, Place::Keychain),
            Place::File => {}
        }
        self.forget_failure(account);
        // Flows without a user get new tokens often, and a new token there is no reason to drop the cache.
        if self.is_for_people {
            generation::touch(self.folders)?;
        }
        Ok(placement)
    }

    /// Writes a login's set to the place where it is, and nowhere else.
    pub(crate) fn rewrite(&self, login: &Login, set: &TokenSet) -> Result<(), Error> {
        let account = login.account.as_deref();
        self.put(&self.item(account), account, set, key_store(login.place), WRITING).map(|_| ())
    }

    /// Writes a newer set of a login to its place, and returns the login with the place. If the keychain fails, the set goes
    /// to a file: the provider has replaced the old refresh token, so the new one must not be lost.
    pub(crate) fn renew(&self, login: &Login, set: &TokenSet) -> Result<Login, Error> {
        let account = login.account.as_deref();
        match self.rewrite(login, set) {
            Err(_) if login.place == Place::Keychain && self.key_store != KeyStore::Keychain => {
                let Placement { place, .. } = self.put(&self.item(account), account, set, KeyStore::File, WRITING)?;
                let login = Login { place, ..login.clone() };
                logins::add(self.folders, &login)?;
                Ok(login)
            }
            outcome => outcome.map(|()| login.clone()),
        }
    }

    /// Erases a login and its token set.
    pub(crate) fn forget(&self, login: &Login) -> Result<(), Error> {
        let account = login.account.as_deref();
        let item = self.item(account);
        SecretStore::new(self.folders, self.patience).remove(&item, login.place)?;
        logins::remove(self.folders, self.provider, account)?;
        match login.place {
            Place::Keychain => self.clear(&item, Place::File),
            // If the keychain failed during a renewal, it still has the older set. With `store = "file"` it is never
            // opened.
            Place::File if self.key_store != KeyStore::File => self.clear(&item, Place::Keychain),
            Place::File => {}
        }
        self.forget_failure(account);
        generation::touch(self.folders)
    }

    /// Removes an old copy of `item` from `place`.
    fn clear(&self, item: &Item, place: Place) {
        // If that fails the copy stays, and no index names it.
        let _ = SecretStore::new(self.folders, LEFTOVERS).remove(item, place);
    }

    /// Acquires the lock for changes of an account's tokens. The lock is beside the tokens and not in the runtime folder,
    /// which differs between the sessions of a user.
    pub(crate) fn lock(&self, account: Option<&str>, patience: Duration) -> Result<Lock, LockError> {
        let lock = Lock::acquire(&self.file(account, "lock")?, patience)?;
        self.secrets.tidy(&self.item(account));
        Ok(lock)
    }

    /// The same without waiting; `None` if another process holds it.
    pub(crate) fn try_lock(&self, account: Option<&str>) -> Result<Option<Lock>, LockError> {
        let lock = Lock::try_acquire(&self.file(account, "lock")?)?;
        if lock.is_some() {
            self.secrets.tidy(&self.item(account));
        }
        Ok(lock)
    }

    /// Notes that the provider could not be reached, with the error if other callers would get the same.
    pub(crate) fn note_failure(&self, account: Option<&str>, said: Option<&Error>) {
        let said = said.map(|error| text::one_line(&error.to_string())).unwrap_or_default();
        // If the note can't be written, the next caller asks the provider again.
        let note = format!("{}\n{said}", now());
        let _ = self.file(account, "failed").and_then(|file| replace(&file, note.as_bytes()));
    }

    /// What `note_failure` noted, if that is recent.
    pub(crate) fn failure(&self, account: Option<&str>) -> Option<Failure> {
        let bytes = read(&self.file(account, "failed").ok()?, Trust::Private, MAX_NOTE).ok()??;
        let (at, said) = std::str::from_utf8(&bytes).ok()?.split_once('\n')?;
        let at: Millis = at.parse().ok()?;
        let is_recent = at <= now() && now() < at + BACK_OFF;
        let said = Some(said).filter(|said| !said.is_empty() && at > self.began);
        is_recent.then(|| Failure { said: said.map(Error::unavailable) })
    }

    /// Removes the note.
    pub(crate) fn forget_failure(&self, account: Option<&str>) {
        if let Ok(file) = self.file(account, "failed") {
            let _ = std::fs::remove_file(file);
        }
    }

    /// The command that signs in anew.
    pub(crate) fn login_command(&self, account: Option<&str>) -> String {
        self.item(account).login
    }

    /// Where a login's tokens are, as messages say it.
    pub(crate) fn shown(&self, login: &Login) -> String {
        self.secrets.shown(&self.item(login.account.as_deref()), login.place)
    }

    /// The same for a set that was just stored, with the reason why it is in a file. `key_store` is what the user has
    /// configured.
    pub(crate) fn describe(&self, account: Option<&str>, placement: &Placement, key_store: KeyStore) -> String {
        self.secrets.describe(&self.item(account), placement, key_store)
    }

    fn put(
        &self,
        item: &Item,
        account: Option<&str>,
        set: &TokenSet,
        key_store: KeyStore,
        patience: Duration,
    ) -> Result<Placement, Error> {
        SecretStore::new(self.folders, patience).write(item, &set.to_bytes(self.provider, account)?, key_store)
    }

    fn file(&self, account: Option<&str>, ending: &str) -> Result<PathBuf, claude_credential_files::FileError> {
        let folder = self.folders.data.join("logins");
        ensure_folder(&self.folders.data)?;
        ensure_folder(&folder)?;
        let name = hex(&Sha256::digest(self.item(account).url.as_bytes())[..16]);
        Ok(folder.join(format!("{name}.{ending}")))
    }

    fn item(&self, account: Option<&str>) -> Item {
        let provider = self.provider;
        let (url, shown, login) = match account {
            None => (format!("oauth://{provider}"), String::new(), String::new()),
            Some(account) => (
                format!("oauth://{}@{provider}", escape(account)),
                format!(", account {account}"),
                format!(" --account {}", text::quoted(account)),
            ),
        };
        Item {
            url,
            folder: "logins",
            shown: format!("the sign-in to {provider}{shown}"),
            login: format!("claude-credential login {provider}{login}"),
            setting: "store",
        }
    }
}

/// The setting that keeps tokens in `place` and nowhere else.
fn key_store(place: Place) -> KeyStore {
    match place {
        Place::Keychain => KeyStore::Keychain,
        Place::File => KeyStore::File,
    }
}
