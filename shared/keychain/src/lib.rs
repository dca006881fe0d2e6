//! Keys that the user gave us to keep, and whatever else is secret and ours to keep: in the keychain of the operating
//! system where it has one that works, in a file of mode 0600 where it has none.
//!
//! An index beside them (`claude_credential_config::kept`) says what is kept and where. No keychain is opened unless
//! something is in it or is to be put into it: opening one costs milliseconds and may ask a person for a password.
//!
//! "Locked", "broken" and "not there" are never "no key": whoever is told that there is none goes on to the next source
//! and bills somebody else.
#![warn(missing_docs)]

mod file;
mod keychain;
mod name;
mod native;
mod safe;
mod trouble;
mod value;

pub use claude_credential_config::kept::Place;
pub use keychain::{Keychain, Stored};
pub use name::{Name, escape};
pub use safe::{Item, Safe};
pub use value::Value;

use trouble::Trouble;
