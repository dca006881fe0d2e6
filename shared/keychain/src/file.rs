//! A secret in a file of mode 0600, where there is no keychain.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use claude_credential_config::Folders;
use claude_credential_files::{FileError, Trust, ensure_folder, read as read_file, replace_durably};
use claude_credential_protocol::{Error, MAX_MESSAGE};
use zeroize::Zeroizing;

use crate::item::Item;

fn folder(folders: &Folders, item: &Item) -> PathBuf {
    folders.data.join(item.folder)
}

/// The item's name may hold characters that no path can, and be too long for one, so the file is named by its hash.
pub(crate) fn path(folders: &Folders, item: &Item) -> PathBuf {
    folder(folders, item).join(&blake3::hash(item.url.as_bytes()).to_hex()[..32])
}

pub(crate) fn read(folders: &Folders, item: &Item) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    read_file(&path(folders, item), Trust::Private, MAX_MESSAGE as u64)
}

pub(crate) fn write(folders: &Folders, item: &Item, bytes: &[u8]) -> Result<(), FileError> {
    ensure_folder(&folders.data)?;
    ensure_folder(&folder(folders, item))?;
    replace_durably(&path(folders, item), bytes)
}

/// Removes the file, if there is one.
pub(crate) fn remove(folders: &Folders, item: &Item) -> Result<(), Error> {
    let path = path(folders, item);
    match fs::remove_file(&path).and_then(|()| File::open(folder(folders, item))?.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::Io(path, error).into()),
        _ => Ok(()),
    }
}
