use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// The executable of that name on `path`, as an absolute path. Elements that are empty or relative mean the working
/// directory, where others may have put a file of that name (CVE-2020-26233): they are skipped.
#[must_use]
pub fn find_on_path(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(name)).find(|file| runs(file))
}

fn runs(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}
