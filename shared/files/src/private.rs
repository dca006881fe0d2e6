use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, StatVfsMountFlags, fstatvfs};
use zeroize::Zeroizing;

use crate::os::own_uid;
use crate::{FileError, hex, random};

/// The owner and mode that a file must have before its contents are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// A file that we wrote: ours, mode 0600 or less, no link.
    Private,
    /// A secret that the user wrote: ours and not readable by others, or the system's and readable by a group at most, or
    /// handed in ([`read`]); a link may lead to it.
    Secret,
    /// Settings: ours or the system's and not writable by others, or handed in; a link may lead to it.
    Settings,
    /// Neither owner nor mode is checked: it is read only to see what another program would do with it.
    Unchecked,
}

/// The contents of the file at `path`; `None` if there is no such file.
///
/// It is opened once and judged by what was opened, so nothing can be swapped in between. A file in a file system that is
/// mounted read-only was handed in by whoever made this machine or container: its owner and mode are theirs, can't be
/// changed here, and let nobody here change it.
pub fn read(path: &Path, trust: Trust, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    // Not blocking: a pipe put in the place of a file must not hang us before it is seen to be one.
    let mut flags = OFlags::NONBLOCK;
    if trust == Trust::Private {
        flags |= OFlags::NOFOLLOW;
    }
    let mut file = match OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(FileError::io(path)(error)),
    };
    let found = file.metadata().map_err(FileError::io(path))?;
    if trust != Trust::Private && is_null_device(&found) {
        return Ok(Some(Zeroizing::default()));
    }
    if let Err(problem) = judge(path, &found, trust)
        && !(matches!(trust, Trust::Secret | Trust::Settings) && found.is_file() && is_handed_in(&file))
    {
        return Err(problem);
    }
    if found.len() > limit {
        return Err(FileError::TooLarge(path.to_owned(), limit));
    }
    // Room for one byte more: a read that does not fill it has met the end of the file, and no second one is needed.
    let size = usize::try_from(found.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(vec![0; size + 1]);
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(&mut bytes[filled..]) {
            Ok(read) => {
                filled += read;
                if read == 0 || filled == size {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FileError::io(path)(error)),
        }
    }
    bytes.truncate(filled.min(size));
    Ok(Some(bytes))
}

/// Whether anything stands at `path`, a link included. What can't be told is an error, never "no": a caller that is told
/// that there is no key goes on to the next source, for which another account may pay.
pub fn exists(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io(path)(error)),
    }
}

/// Whether it is /dev/null, by which people say that a file has nothing in it.
fn is_null_device(found: &fs::Metadata) -> bool {
    found.file_type().is_char_device() && fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == found.rdev())
}

/// Whether the file is in a file system that is mounted read-only. Asked only of a file that would be refused.
fn is_handed_in(file: &File) -> bool {
    fstatvfs(file).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn judge(path: &Path, found: &fs::Metadata, trust: Trust) -> Result<(), FileError> {
    let path = || path.to_owned();
    if !found.is_file() {
        let kind = found.file_type();
        return Err(match () {
            () if kind.is_dir() => FileError::Folder(path()),
            () if kind.is_fifo() => FileError::Pipe(path()),
            () => FileError::NotRegular(path()),
        });
    }
    if trust == Trust::Unchecked {
        return Ok(());
    }
    let ours = found.uid() == own_uid();
    let system = trust != Trust::Private && found.uid() == 0;
    if !ours && !system {
        return Err(FileError::Owner(path()));
    }
    match trust {
        // Kubernetes' fsGroup: whom root lets read it is root's to say, and nobody else can change that.
        Trust::Secret if !ours && found.mode() & 0o027 == 0 => Ok(()),
        Trust::Private | Trust::Secret if found.mode() & 0o077 != 0 => Err(FileError::Readable(path())),
        Trust::Settings if found.mode() & 0o002 != 0 => Err(FileError::Writable(path())),
        // If each user has a group of their own, editors write mode 0664 and the user is alone in the group.
        Trust::Settings if found.mode() & 0o020 != 0 && found.gid() != found.uid() => Err(FileError::Writable(path())),
        _ => Ok(()),
    }
}

/// Puts a file of mode 0600 with `bytes` in the place of whatever stands at `path`, whole or not at all. It survives a
/// crash of this process, not one of the machine: for what can be had again.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let (temporary, _) = Temporary::write(path, bytes)?;
    temporary.rename(path)
}

/// As [`replace`], and it survives a crash of the machine: for what can't be had again. Read back before it counts.
pub fn replace_durably(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let (temporary, file) = Temporary::write(path, bytes)?;
    file.sync_all().map_err(FileError::io(path))?;
    temporary.rename(path)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::io(path))?;
    let kept = read(path, Trust::Private, u64::MAX)?;
    if kept.as_deref().map(Vec::as_slice) == Some(bytes) {
        Ok(())
    } else {
        Err(FileError::Io(path.to_owned(), io::Error::other("it does not hold what was written to it")))
    }
}

/// As [`replace`], for a file that the user keeps: `prepare` gives the new file its mode and owner before it takes the
/// place of the old one, and an error of it leaves the old one.
pub fn replace_prepared<E: From<FileError>>(
    path: &Path,
    bytes: &[u8],
    prepare: impl FnOnce(&File) -> Result<(), E>,
) -> Result<(), E> {
    let (temporary, file) = Temporary::write(path, bytes)?;
    prepare(&file)?;
    Ok(temporary.rename(path)?)
}

/// Makes the file at `path` with `bytes` unless there is one; of several callers at once, one makes it.
pub fn create_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let (temporary, _) = Temporary::write(path, bytes)?;
    match fs::hard_link(&temporary.0, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(FileError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Writes a small record over the one at `path`, in one write, making the file if need be. The reader tells a torn
/// record by its checksum; in exchange nothing is created or renamed, which costs more than all the rest of a hit.
pub fn write_in_place(path: &Path, record: &[u8]) -> Result<(), FileError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
        .map_err(FileError::io(path))?;
    judge(path, &file.metadata().map_err(FileError::io(path))?, Trust::Private)?;
    file.write_all_at(record, 0).map_err(FileError::io(path))
}

/// Removes the temporary files of processes that were killed while they replaced the file at `path`. The caller holds
/// the lock under which that file is replaced, so no other process is writing one.
pub fn remove_unfinished(path: &Path) {
    let prefix = Temporary::prefix(path);
    let is_one = |name: &str| name.strip_prefix(&prefix).is_some_and(|rest| rest.strip_suffix(NEW).is_some());
    let entries = fs::read_dir(path.parent().unwrap_or(Path::new("/"))).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(is_one)) {
        // What stays goes the next time.
        let _ = fs::remove_file(entry.path());
    }
}

/// The ending of a file on its way.
const NEW: &str = ".new";

/// A file on its way to its place; removed if it does not get there.
struct Temporary(PathBuf);

impl Temporary {
    fn write(path: &Path, bytes: &[u8]) -> Result<(Self, File), FileError> {
        let (prefix, random) = (Self::prefix(path), hex(&random::<8>()));
        let temporary = Self(path.parent().unwrap_or(Path::new("/")).join(format!("{prefix}{random}{NEW}")));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary.0)
            .map_err(FileError::io(path))?;
        file.write_all(bytes).map_err(FileError::io(path))?;
        Ok((temporary, file))
    }

    /// The beginning of its name, by which it is known whose it is.
    fn prefix(path: &Path) -> String {
        format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy())
    }

    fn rename(mut self, path: &Path) -> Result<(), FileError> {
        fs::rename(&self.0, path).map_err(FileError::io(path))?;
        self.0.clear();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.0);
        }
    }
}
