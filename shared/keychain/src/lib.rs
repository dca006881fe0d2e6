//! API keys and other secrets that are kept for the user: in the keychain of the operating system if it has one that works,
//! else in a file of mode 0600.
//!
//! An index beside them (`claude_credential_config::kept`) names what is kept and where. A keychain is opened only to
//! read what the index names, or to write: opening one costs milliseconds and may ask the user for a password.
//!
//! "Locked", "broken" and "absent" are errors and never "no key": a caller that is told that there is no key goes on to
//! the next source, for which another account may pay.
#![warn(missing_docs)]

mod api_key;
mod api_key_store;
mod file;
mod item;
mod key_name;
mod keychain_error;
mod message;
mod native;
mod os;
mod secret_store;

pub use api_key::ApiKey;
pub use api_key_store::{ApiKeyStore, StoreOutcome};
pub use claude_credential_config::kept::Place;
pub use item::Item;
pub use key_name::{KeyName, escape};
pub use secret_store::{Placement, SecretStore};
