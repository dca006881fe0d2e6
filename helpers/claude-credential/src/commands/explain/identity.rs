use claude_credential_files::random;
use claude_credential_protocol::Secret;

use crate::cache::hash::KeyedHasher;
use crate::context::Context;

/// The shortest secret whose end is shown: of a shorter one four characters would be too much.
const LONG_ENOUGH: usize = 20;

/// Says which secret it is, and not what it is.
#[derive(Debug)]
pub(crate) struct Salted(KeyedHasher);

/// What may be shown of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The first digits of a hash with the user's own random key: the same secret has the same ones here, and nobody
    /// else can try secrets against them.
    pub(crate) fingerprint: String,
    pub(crate) last4: Option<String>,
}

impl Salted {
    pub(crate) fn new(context: &Context) -> Self {
        // Without a cache there is no such key: then it tells secrets apart within this call.
        Self(context.cache().map_or_else(|| KeyedHasher::new(random()), |cache| cache.hasher.clone()))
    }

    pub(crate) fn of(&self, secret: &Secret) -> Identity {
        let fingerprint = self.0.fingerprint(secret).to_hex().chars().take(8).collect();
        let length = secret.expose().chars().count();
        let last4 = (length >= LONG_ENOUGH).then(|| secret.expose().chars().skip(length - 4).collect());
        Identity { fingerprint, last4 }
    }
}

#[cfg(test)]
mod tests {
    use super::Salted;
    use crate::cache::hash::KeyedHasher;

    #[test]
    fn of_a_short_secret_no_character_is_shown() {
        let salted = Salted(KeyedHasher::new([7; 32]));
        assert_eq!(salted.of(&"sk-ant-123456789012".into()).last4, None);
        let long = salted.of(&"sk-ant-1234567890123".into());
        assert_eq!((long.last4.as_deref(), long.fingerprint.len()), (Some("0123"), 8));
    }
}
