//! The generation: one file whose identity is part of every cache key.
//!
//! Whatever changes what is kept (a login, a logout, a store, an erase) touches it, so nothing cached outlives a
//! logout, in any profile, for any host. A refresh does not touch it: that is what caches are for.

use std::path::PathBuf;

use claude_credential_files::{ensure_folder, hex, random, replace};
use claude_credential_protocol::Error;

use crate::Folders;

/// Where it is.
#[must_use]
pub fn path(folders: &Folders) -> PathBuf {
    folders.data.join("generation")
}

/// Begins a new one.
pub fn touch(folders: &Folders) -> Result<(), Error> {
    ensure_folder(&folders.data)?;
    // Random content, so that not even a file of the same inode, size and second is taken for the old one.
    Ok(replace(&path(folders), hex(&random::<16>()).as_bytes())?)
}
