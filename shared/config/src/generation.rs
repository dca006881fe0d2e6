//! The generation: one file whose identity is part of every cache key.
//!
//! Whatever changes what is kept (a login, a logout, a store, an erase) touches it, so nothing cached outlives a
//! logout, in any profile, for any host. A refresh does not touch it: that is what caches are for.

use std::ffi::OsStr;
use std::path::PathBuf;

use claude_credential_files::{ensure_folder, hex, random, remove_older, replace};
use claude_credential_protocol::Error;

use crate::Folders;

/// Endings of the files in which the dispatcher keeps answers.
pub const ANSWERS: [&str; 3] = ["cache", "refused", "shared"];

/// Where it is.
#[must_use]
pub fn path(folders: &Folders) -> PathBuf {
    folders.data.join("generation")
}

/// Begins a new one.
pub fn touch(folders: &Folders) -> Result<(), Error> {
    ensure_folder(&folders.data)?;
    // What was cached in the old one can't be reached any more, and its secrets need not lie there until they expire.
    remove_older(&folders.runtime, usize::MAX, |path, _| {
        path.extension().and_then(OsStr::to_str).is_some_and(|ending| ANSWERS.contains(&ending))
    });
    // Random content, so that not even a file of the same inode, size and second is taken for the old one.
    Ok(replace(&path(folders), hex(&random::<16>()).as_bytes())?)
}
