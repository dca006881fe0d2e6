use std::fmt;

use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

/// Something that authenticates. It has no `Display`, its `Debug` hides it, and it is wiped on drop.
///
/// [`Secret::expose`] is for the last moment: the write to stdout, to a pipe or to a private file.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Adds `more` to `bytes`. A vector that grows by itself leaves unwiped copies of what it held.
pub fn append_wiped(bytes: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    if bytes.capacity() < bytes.len() + more.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity((bytes.len() + more.len()).next_power_of_two()));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(more);
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// In time that depends on the lengths alone: callers compare a secret that they hold with one that they were sent.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (x, y)| difference | (x ^ y)) == 0
    }
}

impl Eq for Secret {}

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_hides_the_secret() {
        let shown = format!("{:?} {:#?}", Secret::from("CANARY"), Some(Secret::from("CANARY")));
        assert!(!shown.contains("CANARY"), "{shown}");
    }

    #[test]
    fn secrets_are_equal_only_to_themselves() {
        assert_eq!(Secret::from("abc"), Secret::from("abc"));
        assert_ne!(Secret::from("abc"), Secret::from("abd"));
        assert_ne!(Secret::from("abc"), Secret::from("abcd"));
    }
}
