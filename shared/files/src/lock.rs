use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use fslock::LockFile;
use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use crate::{FileError, Holder, write_in_place};

/// The thread that waits makes one system call; the default of 2 MiB would be reserved for nothing.
const STACK: usize = 64 * 1024;

/// An advisory lock between processes, freed when it is dropped and when its process ends, however it ends.
///
/// Its file is never removed: between one process's open and its lock another could make a second file of that name.
#[derive(Debug)]
pub struct Lock {
    _file: LockFile,
}

/// Why the lock was not acquired.
#[derive(Debug, Error)]
pub enum LockError {
    /// This process held it until the time-out.
    #[error("{path} was held all the time by {holder}; {mend}", path = .0.display(), holder = .1, mend = mend(.1))]
    Timeout(PathBuf, Holder),
    /// The file can't be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Trying again later may help, whatever it was.
impl From<LockError> for claude_credential_protocol::Error {
    fn from(error: LockError) -> Self {
        Self::unavailable(error.to_string())
    }
}

fn mend(holder: &Holder) -> String {
    holder.mend().unwrap_or_else(|| "if it hangs, end it".to_owned())
}

impl Lock {
    /// Acquires the lock at `path`, waiting for at most `patience`.
    ///
    /// fslock has no time-out, so a thread of its own blocks in the kernel while this one waits for it: the next
    /// waiter is woken at once; with polling, 200 waiters of one run of 300 ms took twice as long.
    pub fn acquire(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let io = || FileError::io(path);
        // Makes the file with our mode and without following a link, neither of which fslock does.
        write_in_place(path, b"")?;
        let mut file = LockFile::open(path).map_err(io())?;
        if file.try_lock().map_err(io())? {
            return Ok(Self { _file: file });
        }
        let (sender, receiver) = mpsc::channel();
        let blocked = move || {
            let outcome = loop {
                match file.lock() {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    outcome => break outcome,
                }
            };
            // After a time-out the receiver is gone: the file is dropped with the message, and the lock with it.
            let _ = sender.send(outcome.map(|()| file));
        };
        thread::Builder::new().stack_size(STACK).spawn(blocked).map_err(io())?;
        match receiver.recv_timeout(patience) {
            Ok(outcome) => Ok(Self { _file: outcome.map_err(io())? }),
            Err(_) => Err(LockError::Timeout(path.to_owned(), Holder::of(path))),
        }
    }

    /// Acquires the lock at `path` if it is free.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, FileError> {
        write_in_place(path, b"")?;
        let mut file = LockFile::open(path).map_err(FileError::io(path))?;
        Ok(file.try_lock().map_err(FileError::io(path))?.then_some(Self { _file: file }))
    }
}

/// Marks this process as a waiter until it is dropped. Many processes can be marked at once.
#[derive(Debug)]
pub struct Waiting {
    file: File,
    leftover: PathBuf,
}

impl Waiting {
    /// Sets the mark at `path`. The last waiter that leaves removes the file `leftover`.
    pub fn announce(path: &Path, leftover: PathBuf) -> Result<Self, FileError> {
        let file = open_for_flock(path)?;
        flock(&file, FlockOperation::LockShared).map_err(|error| FileError::io(path)(error.into()))?;
        Ok(Self { file, leftover })
    }

    /// Whether any process is marked at `path`.
    pub fn is_any(path: &Path) -> Result<bool, FileError> {
        let file = open_for_flock(path)?;
        Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_err())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // The conversion frees the shared lock first, so of several that leave at once each sees those before it gone.
        // Until the file is removed, no other process can be marked.
        if flock(&self.file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = std::fs::remove_file(&self.leftover);
        }
    }
}

fn open_for_flock(path: &Path) -> Result<File, FileError> {
    write_in_place(path, b"")?;
    File::open(path).map_err(FileError::io(path))
}
