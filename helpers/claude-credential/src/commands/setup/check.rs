//! What counts as an answer.

use claude_credential_config::is_endpoint;
use claude_credential_protocol::Origin;
use serde::Deserialize;

/// Which answers a question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    /// One word, that no command takes for an option.
    Word,
    /// The same, with blanks in it.
    Text,
    /// An https URL, without what does not belong into an address.
    Url,
    /// A secret reference of 1Password's.
    Op,
    /// A whole path.
    Path,
}

impl Check {
    /// The answer as it is written down, or what is wrong with it. The answer itself is not repeated: it may be a key in
    /// the wrong place.
    pub(crate) fn value(self, typed: &str) -> Result<String, &'static str> {
        let typed = typed.trim();
        let is_plain = !typed.is_empty() && !typed.starts_with('-') && !typed.chars().any(char::is_control);
        let is_word = is_plain && !typed.contains(char::is_whitespace);
        if typed.starts_with("sk-ant-") {
            return Err("that looks like an API key, which belongs nowhere here");
        }
        match self {
            Self::Word if !is_word => Err("one word is wanted, without blanks, and without - at its beginning"),
            Self::Text if !is_plain => Err("a name is wanted, without - at its beginning"),
            Self::Url if !is_address(typed) => {
                Err("a URL is wanted that begins with https:// and names a host, without user, query or fragment")
            }
            Self::Url => Ok(typed.trim_end_matches('/').to_owned()),
            Self::Op if !(is_plain && typed.starts_with("op://") && typed.matches('/').count() >= 4) => {
                Err("a reference is wanted of the form op://VAULT/ITEM/FIELD")
            }
            Self::Path if !(is_plain && (typed.starts_with('/') || typed.starts_with("~/"))) => {
                Err("a whole path is wanted, that begins with / or ~/")
            }
            _ => Ok(typed.to_owned()),
        }
    }
}

fn is_address(typed: &str) -> bool {
    is_endpoint(typed) && !typed.contains(['?', '\'', '"', '$', '`'])
}

/// The host of an address, as a line of `hosts` says it.
pub(crate) fn host(address: &str) -> Option<String> {
    Origin::of_url(address).ok().map(|origin| origin.as_listed())
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn answers_are_taken_or_refused_and_never_repeated() {
        for (check, good) in [
            (Check::Word, "secret/claude"),
            (Check::Text, "my own key"),
            (Check::Url, "https://gateway.acme.example/v1"),
            (Check::Op, "op://My vault/item/field"),
            (Check::Path, "~/token"),
        ] {
            assert_eq!(check.value(&format!(" {good} ")).as_deref(), Ok(good));
            for bad in ["", "   ", "-x", "a\u{1b}b", "sk-ant-CANARY"] {
                assert!(check.value(bad).is_err_and(|why| !why.contains("CANARY")), "{check:?} {bad}");
            }
        }
        for (check, bad) in [
            (Check::Word, "two words"),
            (Check::Url, "http://gateway.acme.example"),
            (Check::Url, "https://me@gateway.acme.example"),
            (Check::Url, "https://gateway.acme.example?x=1"),
            (Check::Url, "https://gateway.acme.example/$(x)"),
            (Check::Op, "op://vault/item"),
            (Check::Path, "token"),
        ] {
            assert!(check.value(bad).is_err(), "{check:?} {bad}");
        }
        assert_eq!(Check::Url.value("https://a.example/").as_deref(), Ok("https://a.example"));
    }
}
