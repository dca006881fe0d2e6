//! The keychain of macOS.

use std::error::Error as StdError;

use crate::keychain_error::KeychainError;

/// What users call the keychain.
pub(crate) const SHOWN: &str = "the keychain";

/// How a user without a desktop, over SSH, unlocks it.
pub(crate) const UNLOCK: &str = "run: security unlock-keychain";

/// `None`: every Mac has a keychain, and keyring's own classes say the rest.
pub(crate) fn classify(_cause: &(dyn StdError + 'static)) -> Option<KeychainError> {
    None
}
