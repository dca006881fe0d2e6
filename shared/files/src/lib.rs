//! Private files, in-place records and the lock with a deadline.
//!
//! Everything here refuses what is not plainly ours: links, other owners, files that others can read or write.
#![warn(missing_docs)]

mod descriptor;
mod error;
mod folder;
mod holder;
mod identity;
mod lock;
mod named;
mod os;
mod pipe;
mod private;
mod random;

pub use descriptor::Descriptor;
pub use error::FileError;
pub use folder::{ensure_folder, is_own_folder, may_create, remove_older};
pub use holder::{Holder, lock_holder};
pub use identity::Identity;
pub use lock::{Lock, LockError, Waiting};
pub use named::NamedFile;
pub use pipe::read_once;
pub use private::{
    Trust, create_new, exists, read, remove_unfinished, replace, replace_durably, replace_prepared, write_in_place,
};
pub use random::{hex, random};
