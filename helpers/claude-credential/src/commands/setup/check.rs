//! Checks the answers to a preset's questions.

use claude_credential_config::is_endpoint;
use claude_credential_protocol::BaseUrl;
use serde::Deserialize;

/// The answers that a question takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Check {
    /// One word that no command takes for an option.
    Word,
    /// The same, with spaces allowed.
    Text,
    /// An https URL without user, escape, query or fragment.
    Url,
    /// A 1Password secret reference.
    Op,
    /// An absolute path, or one that begins with `~/`.
    Path,
}

impl Check {
    /// The answer as it is written, or why it is invalid. The message does not repeat the answer, which may be a key that
    /// the user typed in the wrong place.
    pub(crate) fn value(self, typed: &str) -> Result<String, &'static str> {
        let typed = typed.trim();
        let is_plain = !typed.is_empty() && !typed.starts_with('-') && !typed.chars().any(char::is_control);
        let is_word = is_plain && !typed.contains(char::is_whitespace);
        if typed.starts_with("sk-ant-") {
            return Err("this looks like an API key, which no question here asks for");
        }
        match self {
            Self::Word if !is_word => Err("enter one word that does not begin with -"),
            Self::Text if !is_plain => Err("enter a name that does not begin with -"),
            Self::Url if !is_address(typed) => {
                Err("enter a URL that begins with https:// and has no user, escape, query or fragment")
            }
            Self::Url => Ok(typed.trim_end_matches('/').to_owned()),
            Self::Op if !(is_plain && typed.starts_with("op://") && typed.matches('/').count() >= 4) => {
                Err("enter a reference of the form op://VAULT/ITEM/FIELD")
            }
            Self::Path if !(is_plain && (typed.starts_with('/') || typed.starts_with("~/"))) => {
                Err("enter a path that begins with / or ~/")
            }
            _ => Ok(typed.to_owned()),
        }
    }
}

fn is_address(typed: &str) -> bool {
    is_endpoint(typed) && BaseUrl::of_url(typed).is_ok()
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
            (Check::Url, "https://gateway.acme.example/v1/../v2"),
            (Check::Url, "https://gateway.acme.example/v1%2fv2"),
            (Check::Op, "op://vault/item"),
            (Check::Path, "token"),
        ] {
            assert!(check.value(bad).is_err(), "{check:?} {bad}");
        }
        assert_eq!(Check::Url.value("https://a.example/").as_deref(), Ok("https://a.example"));
    }
}
