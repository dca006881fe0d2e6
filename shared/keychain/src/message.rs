//! The messages for a keychain that fails.

use claude_credential_protocol::Error;

use crate::item::Item;
use crate::keychain_error::KeychainError;
use crate::os::UNLOCK;

const LATE: &str = "the keychain did not answer in time; it may be asking for its password in a window of its own";

impl KeychainError {
    /// As the user reads it, where `item` was to be read or removed.
    pub(crate) fn reading(&self, item: &Item) -> Error {
        let Item { shown, login, .. } = item;
        match self {
            Self::Absent(why) => {
                let absent = "is in the keychain, and this session has none";
                Error::sign_in(format!("{shown} {absent} ({why}); run: {login}"))
            }
            Self::Locked => Error::sign_in(format!("the keychain is locked, and {shown} is in it; {UNLOCK}")),
            Self::Broken(why) => Error::unavailable(format!("the keychain, which has {shown}, does not work: {why}")),
            Self::Late => Error::unavailable(LATE),
        }
    }

    /// As the user reads it, where something was to be written; `setting` chose the keychain.
    pub(crate) fn writing(&self, setting: &str) -> Error {
        let to_file = format!("set {setting} = \"file\" in config.toml");
        match self {
            Self::Absent(why) => Error::config(format!(
                "there is no keychain here ({why}), and {setting} = \"keychain\"; set {setting} = \"auto\" or \"file\" \
                 in config.toml"
            )),
            Self::Locked => Error::sign_in(format!("the keychain is locked; {to_file}, or {UNLOCK}")),
            Self::Broken(why) => {
                Error::unavailable(format!("the keychain does not work: {why}; mend it, or {to_file}"))
            }
            Self::Late => Error::unavailable(format!("{LATE}; answer it, or {to_file}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use claude_credential_protocol::{BaseUrl, Class};

    use super::KeychainError;
    use crate::KeyName;

    #[test]
    fn each_error_asks_something_else_of_the_caller() {
        let name = KeyName { host: BaseUrl::listed("api.anthropic.com").unwrap(), account: None };
        let absent = KeychainError::Absent("no session bus".to_owned());
        let broken = KeychainError::Broken("connection refused".to_owned());
        for (error, reading, writing) in [
            (absent, Class::SignIn, Class::Config),
            (KeychainError::Locked, Class::SignIn, Class::SignIn),
            (broken, Class::Unavailable, Class::Unavailable),
            (KeychainError::Late, Class::Unavailable, Class::Unavailable),
        ] {
            assert_eq!(error.reading(&name.item()).class(), reading, "{error:?}");
            assert_eq!(error.writing("key_store").class(), writing, "{error:?}");
        }
    }
}
