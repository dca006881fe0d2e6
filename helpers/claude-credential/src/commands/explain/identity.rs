use claude_credential_files::random;
use claude_credential_protocol::Secret;

use crate::cache::KeyedHasher;
use crate::context::Context;

/// The shortest secret whose last four characters are shown: they would be too much of a shorter one.
const MIN_LENGTH: usize = 20;

/// Tells which secret is which without showing them.
#[derive(Debug)]
pub(crate) struct SecretHasher(KeyedHasher);

/// What may be shown of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretIdentity {
    /// The first digits of a hash with the user's own random key: they are the same whenever the secret is, and only with
    /// that key can guesses be checked against them.
    pub(crate) fingerprint: String,
    pub(crate) last4: Option<String>,
}

impl SecretHasher {
    pub(crate) fn new(context: &Context) -> Self {
        // Without a cache there is no such key, and fingerprints can be compared within this call only.
        Self(context.cache().map_or_else(|| KeyedHasher::new(random()), |cache| cache.hasher.clone()))
    }

    pub(crate) fn identity(&self, secret: &Secret) -> SecretIdentity {
        let fingerprint = self.0.fingerprint(secret).to_hex().chars().take(8).collect();
        let length = secret.expose().chars().count();
        let last4 = (length >= MIN_LENGTH).then(|| secret.expose().chars().skip(length - 4).collect());
        SecretIdentity { fingerprint, last4 }
    }
}

#[cfg(test)]
mod tests {
    use super::SecretHasher;
    use crate::cache::hash::KeyedHasher;

    #[test]
    fn of_a_short_secret_no_character_is_shown() {
        let hasher = SecretHasher(KeyedHasher::new([7; 32]));
        assert_eq!(hasher.identity(&"sk-ant-123456789012".into()).last4, None);
        let long = hasher.identity(&"sk-ant-1234567890123".into());
        assert_eq!((long.last4.as_deref(), long.fingerprint.len()), (Some("0123"), 8));
    }
}
