//! Where token sets are kept: in the keychain or in a file, with an index of names beside them.

use std::path::PathBuf;
use std::time::Duration;

use claude_credential_config::kept::Place;
use claude_credential_config::logins::{self, Login};
use claude_credential_config::{Folders, KeyStore, Provider, generation};
use claude_credential_files::{Lock, LockError, Trust, ensure_folder, hex, read, replace};
use claude_credential_keychain::{Item, Safe, escape};
use claude_credential_protocol::{Error, Millis, now};
use sha2::{Digest, Sha256};

use crate::tokens::TokenSet;

/// After a provider could not be asked for a new token, the old one is handed out so long without asking again.
const BACK_OFF: Millis = 30_000;

/// An update of the lock's own length, or a keychain that asks for a password.
const PATIENCE: Duration = Duration::from_secs(20);

/// The token sets of one provider.
#[derive(Debug)]
pub(crate) struct Vault<'a> {
    folders: &'a Folders,
    provider: &'a str,
    is_for_people: bool,
    key_store: KeyStore,
    safe: Safe<'a>,
}

/// Where a token set was put, to be shown to people.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) shown: String,
    /// Why it is not in the keychain, where that would have been the place.
    pub(crate) no_keychain: Option<String>,
}

impl<'a> Vault<'a> {
    pub(crate) fn new(folders: &'a Folders, provider: &'a Provider, patience: Duration) -> Self {
        let safe = Safe::new(folders, patience.max(PATIENCE));
        let is_for_people = provider.flow.is_for_people();
        // What needs no person can be had again at any time: nobody should be asked for a password to keep it.
        let key_store = match provider.store {
            KeyStore::Auto if !is_for_people => KeyStore::File,
            key_store => key_store,
        };
        Self { folders, provider: &provider.name, is_for_people, key_store, safe }
    }

    /// The login that `account` means; without one, the current one.
    pub(crate) fn find(&self, account: Option<&str>) -> Result<Option<Login>, Error> {
        logins::find(self.folders, self.provider, account)
    }

    /// The login of just that name.
    pub(crate) fn exactly(&self, account: Option<&str>) -> Result<Option<Login>, Error> {
        Ok(self.logins()?.into_iter().find(|login| login.account.as_deref() == account))
    }

    /// All logins of this provider.
    pub(crate) fn logins(&self) -> Result<Vec<Login>, Error> {
        let mut logins = logins::list(self.folders)?;
        logins.retain(|login| login.provider == self.provider);
        Ok(logins)
    }

    /// What is kept for `login`, if it is there and whole.
    pub(crate) fn read(&self, login: &Login) -> Result<Option<TokenSet>, Error> {
        let account = login.account.as_deref();
        let Some(bytes) = self.safe.read(&self.item(account), login.place)? else { return Ok(None) };
        let item = self.item(account);
        let unknown = || Error::sign_in(format!("what is kept as {} is no token; run: {}", item.shown, item.login));
        TokenSet::parse(&bytes, self.provider, account).map(Some).ok_or_else(unknown)
    }

    /// Keeps the first set of an account, or a set that a person brought; everything cached goes for it.
    pub(crate) fn keep(&self, account: Option<&str>, set: &TokenSet, current: bool) -> Result<Stored, Error> {
        let before = self.exactly(account)?.map(|login| login.place);
        let item = self.item(account);
        let (place, no_keychain) = self.put(&item, account, set, self.key_store)?;
        let login = Login {
            provider: self.provider.to_owned(),
            account: account.map(str::to_owned),
            place,
            // Where there is no other, nothing else can be meant.
            current: current || self.find(None)?.is_none_or(|login| login.account.as_deref() == account),
        };
        logins::add(self.folders, &login)?;
        if let Some(before) = before.filter(|before| *before != place) {
            // It counts no more: the index leads elsewhere.
            let _ = self.safe.remove(&item, before);
        }
        // What is had without a person is had again and again, in the middle of somebody's run.
        if self.is_for_people {
            generation::touch(self.folders)?;
        }
        Ok(Stored { shown: self.safe.shown(&item, place), no_keychain })
    }

    /// Keeps a newer set of a login in its place. Where the keychain takes nothing any more, a file is better than a
    /// refresh token that nobody has: its old one is gone.
    pub(crate) fn renew(&self, login: &Login, set: &TokenSet) -> Result<(), Error> {
        let account = login.account.as_deref();
        let item = self.item(account);
        let same = if login.place == Place::Keychain { KeyStore::Keychain } else { KeyStore::File };
        let place = match self.put(&item, account, set, same) {
            Err(_) if same == KeyStore::Keychain && self.key_store != KeyStore::Keychain => {
                self.put(&item, account, set, KeyStore::File)?.0
            }
            outcome => outcome?.0,
        };
        if place == login.place { Ok(()) } else { logins::add(self.folders, &Login { place, ..login.clone() }) }
    }

    /// Forgets a login and what is kept for it.
    pub(crate) fn forget(&self, login: &Login) -> Result<(), Error> {
        let account = login.account.as_deref();
        self.safe.remove(&self.item(account), login.place)?;
        logins::remove(self.folders, self.provider, account)?;
        generation::touch(self.folders)
    }

    /// Held by whoever changes what is kept for an account. Beside what it guards: folders in memory differ between the
    /// sessions of a user, and two locks for one refresh token are none.
    pub(crate) fn lock(&self, account: Option<&str>, patience: Duration) -> Result<Lock, LockError> {
        let lock = Lock::acquire(&self.file(account, "lock")?, patience)?;
        self.safe.tidy(&self.item(account));
        Ok(lock)
    }

    /// The same, if it is free.
    pub(crate) fn try_lock(&self, account: Option<&str>) -> Result<Option<Lock>, LockError> {
        let lock = Lock::try_acquire(&self.file(account, "lock")?)?;
        if lock.is_some() {
            self.safe.tidy(&self.item(account));
        }
        Ok(lock)
    }

    /// Notes that the provider could not be asked.
    pub(crate) fn note_failure(&self, account: Option<&str>) {
        // Without the note the next caller asks again; nothing worse.
        let _ = self.file(account, "failed").and_then(|file| replace(&file, now().to_string().as_bytes()));
    }

    /// Whether it could not be asked a moment ago.
    pub(crate) fn failed_recently(&self, account: Option<&str>) -> bool {
        let Ok(file) = self.file(account, "failed") else { return false };
        let Ok(Some(bytes)) = read(&file, Trust::Private, 64) else { return false };
        let at = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<Millis>().ok());
        at.is_some_and(|at| at <= now() && now() < at + BACK_OFF)
    }

    /// The command that signs in anew.
    pub(crate) fn login_command(&self, account: Option<&str>) -> String {
        self.item(account).login
    }

    /// Where a login's tokens are, as people are told of it.
    pub(crate) fn shown(&self, login: &Login) -> String {
        self.safe.shown(&self.item(login.account.as_deref()), login.place)
    }

    fn put(
        &self,
        item: &Item,
        account: Option<&str>,
        set: &TokenSet,
        key_store: KeyStore,
    ) -> Result<(Place, Option<String>), Error> {
        self.safe.write(item, &set.to_bytes(self.provider, account)?, key_store)
    }

    fn file(&self, account: Option<&str>, ending: &str) -> Result<PathBuf, claude_credential_files::Problem> {
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
                format!(" --account {}", quoted(account)),
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

/// As a shell needs it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+:/".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
