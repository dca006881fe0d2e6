//! Private files, in-place records and the lock with a deadline.
//!
//! Everything here refuses what is not plainly ours: links, other owners, files that others can read or write.
#![warn(missing_docs)]

mod descriptor;
mod folder;
mod identity;
mod lock;
mod private;
mod problem;

pub use descriptor::Descriptor;
pub use folder::{ensure_folder, remove_older};
pub use identity::Identity;
pub use lock::{Lock, LockError, Waiting};
pub use private::{
    Trust, create_new, read, remove_unfinished, replace, replace_durably, replace_prepared, write_in_place,
};
pub use problem::Problem;

/// Bytes that nobody can guess.
///
/// # Panics
///
/// Where the operating system has none to give: going on would make secrets guessable.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

/// `bytes` as lower-case hex digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
