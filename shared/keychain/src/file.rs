//! A key in a file of mode 0600, where there is no keychain.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use claude_credential_config::Folders;
use claude_credential_files::{Problem, Trust, ensure_folder, read as read_file, replace_durably};
use claude_credential_protocol::{Error, MAX_MESSAGE};
use zeroize::Zeroizing;

use crate::Name;

fn folder(folders: &Folders) -> PathBuf {
    folders.data.join("keys")
}

/// Names have characters that no path can hold and are longer than a path may be: their hash has and is neither.
pub(crate) fn path(folders: &Folders, name: &Name) -> PathBuf {
    folder(folders).join(&blake3::hash(name.as_url().as_bytes()).to_hex()[..32])
}

pub(crate) fn read(folders: &Folders, name: &Name) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
    read_file(&path(folders, name), Trust::Private, MAX_MESSAGE as u64)
}

pub(crate) fn write(folders: &Folders, name: &Name, bytes: &[u8]) -> Result<(), Problem> {
    ensure_folder(&folders.data)?;
    ensure_folder(&folder(folders))?;
    replace_durably(&path(folders, name), bytes)
}

/// Whether there was one.
pub(crate) fn remove(folders: &Folders, name: &Name) -> Result<bool, Error> {
    let path = path(folders, name);
    match fs::remove_file(&path).and_then(|()| File::open(folder(folders))?.sync_all()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Problem::Io(path, error).into()),
    }
}
