use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use claude_credential_protocol::text::{self, shown_path};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use thiserror::Error;

use crate::os::own_uid;

/// Why a file can't be used. Names the file, never its contents.
#[derive(Debug, Error)]
pub enum FileError {
    /// An I/O error.
    #[error("can't use {path}: {why}", path = shown_path(.0), why = why(.0, .1))]
    Io(PathBuf, #[source] io::Error),
    /// A symbolic link where none is followed.
    #[error("{path} is a link", path = shown_path(.0))]
    Link(PathBuf),
    /// A folder.
    #[error("{path} is a folder and not a regular file", path = shown_path(.0))]
    Folder(PathBuf),
    /// A pipe.
    #[error("{path} is a pipe, which can be read only once; write what it gives to a file, and name that", path = shown_path(.0))]
    Pipe(PathBuf),
    /// A socket or device.
    #[error("{path} is not a regular file", path = shown_path(.0))]
    NotRegular(PathBuf),
    /// Not a folder.
    #[error("{path} is not a folder", path = shown_path(.0))]
    NotFolder(PathBuf),
    /// It belongs to another user.
    #[error("{path} belongs to another user; run: {sudo}chown $(id -un) {path}", path = shown_path(.0), sudo = sudo(true))]
    Owner(PathBuf),
    /// The user who became root has the folder.
    #[error("{path} is another user's, and root leaves nothing there; run it without sudo, or with: sudo -H", path = shown_path(.0))]
    OfCaller(PathBuf),
    /// What HOME says.
    #[error("HOME, {path}, is not a folder; run: export HOME=/your/home", path = shown_path(.0))]
    NoHome(PathBuf),
    /// Others can read what only its owner should.
    #[error("{path} can be read by others; run: {sudo}chmod 600 {path}", path = shown_path(.0), sudo = sudo_for(.0))]
    Readable(PathBuf),
    /// Others can change it.
    #[error("{path} can be changed by others; run: {sudo}chmod go-w {path}", path = shown_path(.0), sudo = sudo_for(.0))]
    Writable(PathBuf),
    /// Larger than anything of its kind.
    #[error("{path} is larger than {limit} bytes", path = shown_path(.0), limit = .1)]
    TooLarge(PathBuf, u64),
    /// A pipe whose writer did not close it in time.
    #[error("{path} was not written to its end in time", path = shown_path(.0))]
    Late(PathBuf),
}

impl FileError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.raw_os_error().map(Errno::from_raw_os_error) {
            // What O_NOFOLLOW answers for a link, on Linux and macOS; a circle of links above the file is another matter.
            Some(Errno::LOOP) if path.is_symlink() => Self::Link(path.to_owned()),
            _ => Self::Io(path.to_owned(), error),
        }
    }
}

/// Owner and mode of a file are its owner's to change.
fn sudo_for(path: &Path) -> &'static str {
    sudo(fs::metadata(path).is_ok_and(|found| found.uid() != own_uid()))
}

fn sudo(is_needed: bool) -> &'static str {
    if is_needed && own_uid() != 0 { "sudo " } else { "" }
}

/// What an I/O error says, and what mends it where a folder above the file is the reason.
fn why(path: &Path, error: &io::Error) -> String {
    let above: Vec<&Path> = path.ancestors().skip(1).collect();
    let closed = above.into_iter().rev().find(|folder| access(*folder, Access::EXEC_OK) == Err(Errno::ACCESS));
    match closed.filter(|_| error.kind() == io::ErrorKind::PermissionDenied) {
        Some(folder) => {
            let is_ours = |folder: &Path| fs::metadata(folder).is_ok_and(|found| found.uid() == own_uid());
            let shown = shown_path(folder);
            let problem = format!("this user can't look into {shown}");
            let quoted = text::quoted(&shown);
            if is_ours(folder) {
                format!("{problem}; run: chmod u+rwx {quoted}")
            } else if folder.parent().is_some_and(is_ours) {
                format!("{problem}; run: sudo chown $(id -un) {quoted}")
            } else {
                // It may be another user's home, which sudo or su has left in HOME.
                format!("{problem}, which is another user's; mend what names it, such as HOME")
            }
        }
        None => error.to_string(),
    }
}

impl From<FileError> for claude_credential_protocol::Error {
    /// All but one are for the user to mend: the owner, the mode, the location.
    fn from(problem: FileError) -> Self {
        match problem {
            FileError::Late(_) => Self::unavailable(problem.to_string()),
            _ => Self::config(problem.to_string()),
        }
    }
}
