use std::fmt;

use claude_credential_config::kept::Kept;
use claude_credential_protocol::{BaseUrl, Error, Request, shown_account, text};

use crate::item::Item;

/// The name of a key: a host, perhaps with a path, and an account there if the user has several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName {
    /// Where it may go.
    pub host: BaseUrl,
    /// The account; `None` for the key without one.
    pub account: Option<String>,
}

impl KeyName {
    /// The key that `request` asks for; `None` if its host or path is not valid.
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        let (origin, path) = request.place().ok()?;
        Some(Self { host: BaseUrl::new(origin, path).ok()?, account: request.username.clone() })
    }

    pub(crate) fn of_kept(kept: &Kept) -> Result<Self, Error> {
        let host = kept
            .base_url()
            .map_err(|problem| Error::config(format!("the index of keys, kept.json, names {problem}")))?;
        Ok(Self { host, account: kept.username.clone() })
    }

    /// Unique for each name: the account is escaped, so it can't be taken for a host. It is used in keychains and, hashed,
    /// in file names, so it must never change.
    pub(crate) fn as_url(&self) -> String {
        let url = self.host.to_string();
        match (&self.account, url.split_once("://")) {
            (Some(account), Some((protocol, rest))) => format!("{protocol}://{}@{rest}", escape(account)),
            _ => url,
        }
    }

    /// The key's item in the secret store.
    pub(crate) fn item(&self) -> Item {
        Item {
            url: self.as_url(),
            folder: "keys",
            shown: format!("the key for {self}"),
            login: self.login(),
            setting: "key_store",
        }
    }

    /// The command that stores a new key under this name.
    pub(crate) fn login(&self) -> String {
        // Without a host it would be the profile's first, which is not known here.
        let host = self.host.as_listed();
        let options = [("--host", Some(&host)), ("--account", self.account.as_ref())];
        let words =
            options.into_iter().filter_map(|(option, value)| Some(format!(" {option} {}", text::quoted(value?))));
        format!("claude-credential login api-key{}", words.collect::<String>())
    }
}

/// `account` with every character escaped that has a meaning in a URL.
#[must_use]
pub fn escape(account: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let escape = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    account.bytes().map(escape).collect()
}

/// As messages say it.
impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.account {
            Some(account) => write!(f, "{}, account {}", self.host, shown_account(account)),
            None => self.host.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KeyName;
    use claude_credential_protocol::BaseUrl;

    #[test]
    fn no_two_names_have_one_url() {
        let url = |host: &str, account: Option<&str>| {
            KeyName { host: BaseUrl::listed(host).unwrap(), account: account.map(str::to_owned) }.as_url()
        };
        assert_eq!(url("api.anthropic.com", None), "https://api.anthropic.com");
        assert_eq!(url("a.example:8443", Some("me@x.example/é")), "https://me%40x.example%2F%C3%A9@a.example:8443");
        assert_eq!(url("a.example/v1/acct-1", Some("me")), "https://me@a.example/v1/acct-1");
        assert_ne!(url("a.example", Some("b@c")), url("a.example", Some("b%40c")));
        assert_ne!(url("a.example", Some("")), url("a.example", None));
    }
}
