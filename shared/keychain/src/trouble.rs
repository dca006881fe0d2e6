use claude_credential_protocol::Error;

use crate::Item;

/// What people call the keychain.
#[cfg(not(target_os = "macos"))]
pub(crate) const SHOWN: &str = "the keychain (Secret Service)";
#[cfg(target_os = "macos")]
pub(crate) const SHOWN: &str = "the keychain";

/// Over SSH, where nothing asks. The daemon reads up to the end of its stdin, so a line feed would be part of the
/// password; and it unlocks nothing while another one runs, unless it takes that one's place.
#[cfg(not(target_os = "macos"))]
const UNLOCK: &str =
    "sign in to the desktop, or run: read -rs P && printf %s \"$P\" | gnome-keyring-daemon --replace --unlock";
#[cfg(target_os = "macos")]
const UNLOCK: &str = "run: security unlock-keychain";

const LATE: &str = "the keychain did not answer in time; it may be asking for its password in a window of its own";

/// Why the keychain did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is none: a server, a container, a session without a desktop.
    Absent(String),
    /// It is there and nobody has unlocked it.
    Locked,
    /// It is there and does not work.
    Broken(String),
    /// It has not answered; most likely a window of its own asks for a password.
    Late,
}

impl Trouble {
    /// With something that is in it.
    pub(crate) fn reading(&self, item: &Item) -> Error {
        let Item { shown, login, .. } = item;
        match self {
            Self::Absent(why) => {
                let absent = "is in the keychain, and there is none in this session";
                Error::sign_in(format!("{shown} {absent} ({why}); run: {login}"))
            }
            Self::Locked => Error::sign_in(format!("the keychain is locked, and {shown} is in it; {UNLOCK}")),
            Self::Broken(why) => Error::unavailable(format!("the keychain, which has {shown}, does not work: {why}")),
            Self::Late => Error::unavailable(LATE),
        }
    }

    /// With something that was to go into it, and nowhere else, as `setting` says.
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
    use claude_credential_protocol::{Class, Origin};

    use super::Trouble;
    use crate::Name;

    #[test]
    fn each_trouble_asks_something_else_of_the_caller() {
        let name = Name { origin: Origin::listed("api.anthropic.com").unwrap(), account: None };
        let absent = Trouble::Absent("no session bus".to_owned());
        let broken = Trouble::Broken("connection refused".to_owned());
        for (trouble, reading, writing) in [
            (absent, Class::SignIn, Class::Config),
            (Trouble::Locked, Class::SignIn, Class::SignIn),
            (broken, Class::Unavailable, Class::Unavailable),
            (Trouble::Late, Class::Unavailable, Class::Unavailable),
        ] {
            assert_eq!(trouble.reading(&name.item()).class(), reading, "{trouble:?}");
            assert_eq!(trouble.writing("key_store").class(), writing, "{trouble:?}");
        }
    }
}
