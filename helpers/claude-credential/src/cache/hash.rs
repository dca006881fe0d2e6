use blake3::Hasher;
use claude_credential_files::hex;
use claude_credential_protocol::Secret;
use serde::{Deserialize, Serialize};

/// Hashes with a random key that never leaves the user's folder: a hash in a file can't be guessed from a list of
/// likely secrets or tokens.
#[derive(Debug, Clone)]
pub(crate) struct KeyedHasher([u8; 32]);

/// A hash that tells two secrets apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint(pub(crate) [u8; 16]);

impl KeyedHasher {
    pub(crate) fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// A hasher for keys that name no file: without a cache, there is no folder for a random key.
    pub(crate) fn unkeyed() -> Self {
        Self([0; 32])
    }

    pub(crate) fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        Fingerprint(self.hash(&[b"secret", secret.expose().as_bytes()]))
    }

    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut hash = self.parts();
        for part in parts {
            hash.put(part);
        }
        hash.hash()
    }

    /// Begins a hash of parts that are added one by one.
    pub(crate) fn parts(&self) -> Parts {
        Parts(Hasher::new_keyed(&self.0))
    }
}

/// A hash of parts that are added one by one.
pub(crate) struct Parts(Hasher);

impl Parts {
    /// Adds a part, with its length in front, so that no two lists of parts hash alike.
    pub(crate) fn put(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The first half of the hash of all parts.
    pub(crate) fn hash(self) -> [u8; 16] {
        let mut half = [0; 16];
        half.copy_from_slice(&self.0.finalize().as_bytes()[..16]);
        half
    }
}

impl Fingerprint {
    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }
}
