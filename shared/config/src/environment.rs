use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use claude_credential_protocol::{Error, is_on};

/// The variables of this process, read once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// Those of this process.
    #[must_use]
    pub fn here() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Made up, for tests.
    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// The value of a variable; an empty one counts as unset. One that is not UTF-8 is an error: if it counted as unset,
    /// another credential, profile or host would be used in its place.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Error> {
        let not_utf_8 = || Error::config(format!("{name} is not UTF-8; set it anew, or run: unset {name}"));
        self.get_os(name).map(|value| value.to_str().ok_or_else(not_utf_8)).transpose()
    }

    /// The first of these variables that is set, and its value.
    pub fn first<'n>(&self, names: &[&'n str]) -> Result<Option<(&'n str, &str)>, Error> {
        names.iter().find_map(|name| self.get(name).map(|value| Some((*name, value?))).transpose()).transpose()
    }

    /// The value of a variable, whatever its encoding.
    #[must_use]
    pub fn get_os(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Whether a variable is there and empty, which people should be told when they wonder why it does not count.
    #[must_use]
    pub fn is_set_but_empty(&self, name: &str) -> bool {
        self.0.get(OsStr::new(name)).is_some_and(|value| value.is_empty())
    }

    /// Whether a switch of the client's is on.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_ok_and(|value| value.is_some_and(is_on))
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }
}

/// Names alone: some of the values are secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", Environment::from_pairs([("ANTHROPIC_API_KEY", "CANARY")]));
        assert!(shown.contains("ANTHROPIC_API_KEY") && !shown.contains("CANARY"), "{shown}");
    }
}
