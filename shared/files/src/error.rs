use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file can't be used. Names the file, never its contents.
#[derive(Debug, Error)]
pub enum FileError {
    /// An I/O error.
    #[error("can't use {path}: {error}", path = .0.display(), error = .1)]
    Io(PathBuf, #[source] io::Error),
    /// A symbolic link where none is followed.
    #[error("{path} is a link", path = .0.display())]
    Link(PathBuf),
    /// A folder, socket, device or pipe.
    #[error("{path} is not a regular file", path = .0.display())]
    NotRegular(PathBuf),
    /// Not a folder.
    #[error("{path} is not a folder", path = .0.display())]
    NotFolder(PathBuf),
    /// It belongs to another user.
    #[error("{path} belongs to another user; run: chown $(id -un) {path}", path = .0.display())]
    Owner(PathBuf),
    /// Others can read what only its owner should.
    #[error("{path} can be read by others; run: chmod 600 {path}", path = .0.display())]
    Readable(PathBuf),
    /// Others can change it.
    #[error("{path} can be changed by others; run: chmod go-w {path}", path = .0.display())]
    Writable(PathBuf),
    /// Larger than anything of its kind.
    #[error("{path} is larger than {limit} bytes", path = .0.display(), limit = .1)]
    TooLarge(PathBuf, u64),
    /// A pipe whose writer did not close it in time.
    #[error("{path} was not written to its end in time", path = .0.display())]
    Late(PathBuf),
}

impl FileError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            // What O_NOFOLLOW answers for a link, on Linux and macOS.
            Some(rustix::io::Errno::LOOP) => Self::Link(path.to_owned()),
            _ => Self::Io(path.to_owned(), error),
        }
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
