use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use crate::os::own_uid;
use crate::{FileError, Trust, read};

/// What this process has read from pipes, by device and inode: a helper that needs a secret twice in one call finds it in
/// the pipe once.
static READ: Mutex<BTreeMap<PipeNumber, Zeroizing<Vec<u8>>>> = Mutex::new(BTreeMap::new());

/// Its device and inode.
type PipeNumber = (u64, u64);

/// As [`read`], and takes a pipe of this user's, too, such as a shell's `<(COMMAND)`: it is read to its end, once in this
/// process, for no longer than until `until`. Only for a file that the user named for this call, with a secret in it: who
/// reads a pipe takes what is in it from everyone else.
pub fn read_once(
    path: &Path,
    trust: Trust,
    limit: u64,
    until: Instant,
) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    match read(path, trust, limit) {
        Err(FileError::Pipe(_)) => {}
        read => return read,
    }
    let file = open(path)?;
    let found = file.metadata().map_err(FileError::io(path))?;
    if !found.file_type().is_fifo() {
        return Err(FileError::NotRegular(path.to_owned()));
    }
    if found.uid() != own_uid() {
        return Err(FileError::Owner(path.to_owned()));
    }
    let mut known = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let pipe = (found.dev(), found.ino());
    if let Some(bytes) = known.get(&pipe) {
        return Ok(Some(bytes.clone()));
    }
    let bytes = read_to_end(path, file, usize::try_from(limit).unwrap_or(usize::MAX), until)?;
    known.insert(pipe, bytes.clone());
    Ok(Some(bytes))
}

/// Opens without waiting for the other end of a pipe.
pub(crate) fn open(path: &Path) -> Result<File, FileError> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(FileError::io(path))
}

/// What is in a pipe or file once its writer has closed it.
pub(crate) fn read_to_end(
    path: &Path,
    mut file: File,
    limit: usize,
    until: Instant,
) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let mut chunk = Zeroizing::new([0; 4096]);
    // Sized beforehand: a buffer that grows leaves unwiped copies of what it held.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit.saturating_add(chunk.len())));
    while bytes.len() <= limit {
        match file.read(&mut *chunk) {
            Ok(0) => return Ok(bytes),
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(path, &file, until)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::io(path)(error)),
        }
    }
    Err(FileError::TooLarge(path.to_owned(), limit as u64))
}

fn wait(path: &Path, file: &File, until: Instant) -> Result<(), FileError> {
    let left = until.saturating_duration_since(Instant::now());
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Timespec::try_from(left).ok().as_ref()) {
        Ok(0) => Err(FileError::Late(path.to_owned())),
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(FileError::io(path)(error.into())),
    }
}
