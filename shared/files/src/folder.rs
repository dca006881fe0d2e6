use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::FileError;
use crate::os::{became_root, home, own_uid};

/// Makes sure that `path` is a folder of ours that other users can't look into (CVE-2020-26233
/// was of this kind). If the folder is ours but too open, its mode is set to 0700.
pub fn ensure_folder(path: &Path) -> Result<(), FileError> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            may_create(path)?;
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FileError::io(path))?;
            fs::symlink_metadata(path)
        }
        found => found,
    };
    let found = found.map_err(FileError::io(path))?;
    if found.is_symlink() {
        return Err(FileError::Link(path.to_owned()));
    }
    if !found.is_dir() {
        return Err(FileError::NotFolder(path.to_owned()));
    }
    if found.uid() != own_uid() {
        return Err(FileError::Owner(path.to_owned()));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(FileError::io(path))?;
    }
    Ok(())
}

/// Fails if nothing is to be made at `path`: its place is in a home that is not there, or root, who was another user
/// before, would leave in that user's folder what that user could then neither read nor remove.
pub fn may_create(path: &Path) -> Result<(), FileError> {
    if let Some(home) = home().filter(|home| path.starts_with(home) && !home.is_dir()) {
        return Err(FileError::NoHome(home));
    }
    if !became_root() {
        return Ok(());
    }
    let above = path.ancestors().skip(1).find_map(|folder| Some((folder, fs::metadata(folder).ok()?.uid())));
    match above {
        Some((folder, uid)) if uid != own_uid() => Err(FileError::OfCaller(folder.to_owned())),
        _ => Ok(()),
    }
}

/// Whether `path` is a folder that belongs to this user.
#[must_use]
pub fn is_own_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == own_uid())
}

/// Removes up to `most` files of `folder` that `is_old` says may go; `age` is the time since they were last written.
/// What can't be removed stays: this is housekeeping, and the next call tries again.
pub fn remove_older(folder: &Path, most: usize, is_old: impl Fn(&Path, Duration) -> bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let now = SystemTime::now();
    let mut left = most;
    for path in entries.flatten().map(|entry| entry.path()) {
        if left == 0 {
            return;
        }
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let age = found.modified().ok().and_then(|written| now.duration_since(written).ok()).unwrap_or_default();
        if found.is_file() && is_old(&path, age) && fs::remove_file(&path).is_ok() {
            left -= 1;
        }
    }
}
