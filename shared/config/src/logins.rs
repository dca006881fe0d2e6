//! The index of the sign-ins whose tokens we keep.

use std::path::PathBuf;

use claude_credential_protocol::Error;
use serde::{Deserialize, Serialize};

use crate::Folders;
use crate::index::Index;
use crate::kept::Place;

const INDEX: Index = Index { name: "logins", field: "logins", what: "sign-ins" };

/// One account that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The provider.
    pub provider: String,
    /// The user's name for the account, if they have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Where its tokens are.
    pub place: Place,
    /// The one that a request without an account gets.
    #[serde(default)]
    pub current: bool,
}

impl Login {
    fn is(&self, provider: &str, account: Option<&str>) -> bool {
        self.provider == provider && self.account.as_deref() == account
    }
}

/// The path of the index.
#[must_use]
pub fn path(folders: &Folders) -> PathBuf {
    INDEX.path(folders)
}

/// All accounts that are signed in.
pub fn list(folders: &Folders) -> Result<Vec<Login>, Error> {
    INDEX.list(folders)
}

/// The login of `provider` that `account` means; without one, the current one.
pub fn find(folders: &Folders, provider: &str, account: Option<&str>) -> Result<Option<Login>, Error> {
    let wanted = |login: &Login| match account {
        Some(_) => login.is(provider, account),
        None => login.provider == provider && login.current,
    };
    Ok(list(folders)?.into_iter().find(wanted))
}

/// Adds a login, in the place of one of the same name. One that is made current is the only one of its provider.
pub fn add(folders: &Folders, login: &Login) -> Result<(), Error> {
    INDEX.update(folders, |logins: &mut Vec<Login>| {
        logins.retain(|other| !other.is(&login.provider, login.account.as_deref()));
        let mine = |other: &&mut Login| login.current && other.provider == login.provider;
        logins.iter_mut().filter(mine).for_each(|other| other.current = false);
        logins.push(login.clone());
    })
}

/// Removes a login. Where one account is left, it becomes the current one: there is nothing to choose.
pub fn remove(folders: &Folders, provider: &str, account: Option<&str>) -> Result<(), Error> {
    INDEX.update(folders, |logins: &mut Vec<Login>| {
        logins.retain(|login| !login.is(provider, account));
        let mut left: Vec<&mut Login> = logins.iter_mut().filter(|login| login.provider == provider).collect();
        if let [only] = left.as_mut_slice() {
            only.current = true;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Login, add, find, list, path, remove};
    use crate::kept::Place;
    use crate::{Environment, Folders};

    fn login(provider: &str, account: Option<&str>, current: bool) -> Login {
        let account = account.map(str::to_owned);
        Login { provider: provider.to_owned(), account, place: Place::File, current }
    }

    #[test]
    fn one_account_of_a_provider_is_current() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(&Environment::from_pairs([("HOME", home.path())])).unwrap();
        let current = |provider| find(&folders, provider, None).unwrap().map(|login| login.account);
        assert_eq!(current("acme"), None);
        add(&folders, &login("acme", None, true)).unwrap();
        add(&folders, &login("other", Some("me"), true)).unwrap();
        add(&folders, &login("acme", Some("work"), true)).unwrap();
        assert_eq!(current("acme"), Some(Some("work".to_owned())));
        assert_eq!(current("other"), Some(Some("me".to_owned())));
        assert_eq!(find(&folders, "acme", Some("nobody")).unwrap(), None);
        remove(&folders, "acme", Some("work")).unwrap();
        assert_eq!(current("acme"), Some(None));
        assert_eq!(list(&folders).unwrap().len(), 2);
        claude_credential_files::replace(&path(&folders), b"{\"version\":2,\"logins\":[]}").unwrap();
        assert!(list(&folders).is_err());
    }
}
