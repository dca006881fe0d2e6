//! A file of the user, replaced atomically: links are followed, mode and owner stay.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use claude_credential_files::{Trust, may_create, read, replace_prepared};
use claude_credential_protocol::Error;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::context::Context;

/// Far above the size of any such file in practice.
const MAX: u64 = 1 << 20;

/// The kernel's own limit for links in a row.
const MAX_LINKS: usize = 40;

/// Of a file that is created: keys get into `env`, and other users have no need to read them.
const NEW_MODE: u32 = 0o600;

/// Where Nix and Guix keep what they made, which nobody changes there, root included.
const STORES: [&str; 2] = ["/nix/store", "/gnu/store"];

/// A file as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The path with all links followed.
    pub(crate) path: PathBuf,
    /// The text. `None` if there is no file.
    pub(crate) text: Option<String>,
    /// Mode, user and group. `None` if there is no file.
    kept: Option<(u32, u32, u32)>,
    /// Why it can't be replaced.
    obstacle: Option<Error>,
}

impl Target {
    /// Reads the file at `path`. Fails if it can't be replaced.
    pub(crate) fn find(path: &Path) -> Result<Self, Error> {
        let target = Self::look(path)?;
        target.replaceable().map(|()| target)
    }

    /// Reads the file at `path`, which may be one that can't be replaced.
    pub(crate) fn look(path: &Path) -> Result<Self, Error> {
        let is_link = path.is_symlink();
        let path = resolve(path)?;
        let shown = path.display();
        let bytes = read(&path, Trust::Settings, MAX)?;
        let mut target = Self { path: path.clone(), text: None, kept: None, obstacle: closed_folder(&path, is_link) };
        let Some(bytes) = bytes else { return Ok(target) };
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| {
            Error::config(format!("{shown} is not UTF-8; convert it, then run: claude-credential setup"))
        })?;
        let found = fs::metadata(&path).map_err(|error| unusable(&path, &error))?;
        if target.obstacle.is_none() && found.mode() & 0o200 == 0 {
            target.obstacle = Some(Error::config(format!("{shown} is read-only; run: chmod u+w {shown}")));
        } else if target.obstacle.is_none() && found.nlink() > 1 {
            target.obstacle = Some(Error::config(format!(
                "{shown} has another name (a hard link), which would keep the old text; replace it with a copy of itself"
            )));
        }
        target.kept = Some((found.mode() & 0o7777, found.uid(), found.gid()));
        target.text = Some(text);
        Ok(target)
    }

    /// Fails if it can't be replaced.
    pub(crate) fn replaceable(&self) -> Result<(), Error> {
        self.obstacle.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// The topmost folder of the path that does not exist.
    pub(crate) fn missing_folder(&self) -> Option<PathBuf> {
        let folders = self.path.ancestors().skip(1);
        folders.take_while(|folder| !folder.exists()).last().map(Path::to_owned)
    }

    /// Replaces the text by `text`, unless another program has changed the file since it was found.
    pub(crate) fn write(&self, text: &str) -> Result<(), Error> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        if self.text.is_none() {
            may_create(&self.path)?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| unusable(&self.path, &error))?;
        replace_prepared(&self.path, text.as_bytes(), |file| {
            self.prepare(file).map_err(|error| unusable(&self.path, &error))?;
            self.check_unchanged()
        })
    }

    /// Gives `file` the mode and owner of the one that it replaces.
    fn prepare(&self, file: &File) -> io::Result<()> {
        let new = file.metadata()?;
        let (mode, uid, gid) = self.kept.unwrap_or((NEW_MODE, new.uid(), new.gid()));
        if (new.uid(), new.gid()) != (uid, gid) {
            fchown(file, Some(uid), Some(gid))?;
        }
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()
    }

    /// Removes the file, and the folders below `made` that are empty then.
    pub(crate) fn remove(&self, made: Option<&Path>) -> Result<(), Error> {
        self.check_unchanged()?;
        fs::remove_file(&self.path).map_err(|error| unusable(&self.path, &error))?;
        let below =
            self.path.ancestors().skip(1).take_while(|folder| made.is_some_and(|made| folder.starts_with(made)));
        for folder in below {
            // It has other files now.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Fails if another program has changed the file since it was found, such as while the user read a question.
    pub(crate) fn check_unchanged(&self) -> Result<(), Error> {
        let now = read(&self.path, Trust::Settings, MAX)?;
        if now.as_deref().map(Vec::as_slice) == self.text.as_deref().map(str::as_bytes) {
            return Ok(());
        }
        Err(Error::unavailable(format!("{} was changed in the meantime; try again", self.path.display())))
    }
}

/// A file as it was found, and what becomes of it.
pub(crate) struct Edit {
    pub(crate) target: Target,
    /// The text afterwards. `None` if there is no file then.
    pub(crate) after: Option<String>,
}

impl Edit {
    /// The file with another text, or with the same.
    pub(crate) fn new(target: Target, text: String) -> Self {
        let after = if target.text() == text { target.text.clone() } else { Some(text) };
        Self { target, after }
    }

    pub(crate) fn is_change(&self) -> bool {
        self.after != self.target.text
    }

    pub(crate) fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }
}

/// The error for a file whose folder can't be written.
fn closed_folder(path: &Path, is_link: bool) -> Option<Error> {
    let folder = path.ancestors().skip(1).find(|folder| folder.exists())?;
    let is_store = STORES.iter().any(|store| path.starts_with(store));
    let problem = match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if is_store => Errno::ROFS,
        problem => problem.err()?,
    };
    let uid = fs::metadata(folder).map_or(u32::MAX, |found| found.uid());
    let (folder, shown) = (folder.display(), path.display());
    let mend = match problem {
        Errno::ACCESS if uid == geteuid().as_raw() => format!("run: chmod u+rwx {folder}"),
        Errno::ACCESS if !is_link => format!("run: sudo chown $(id -un) {folder}"),
        // A link into a store such as that of Nix, or a file that was mounted into a container.
        _ => "make the change that is shown where it is made, as in home-manager's configuration".to_owned(),
    };
    Some(Error::config(format!("{folder} can't be written, nor {shown} in it; {mend}")))
}

/// Claude Code's user settings.
pub(crate) fn settings_file(context: &Context) -> PathBuf {
    context.folders.claude.join("settings.json")
}

/// Whether `literal`, from a JSON file, is the string `text`.
pub(crate) fn is_text(literal: &str, text: &str) -> bool {
    serde_json::from_str::<String>(literal).is_ok_and(|value| value == text)
}

/// Follows the links of `path`, even if they lead to no file yet.
fn resolve(path: &Path) -> Result<PathBuf, Error> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(to) = fs::read_link(&path) else {
            // Only the folder need exist.
            let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
            let whole = folder.and_then(|folder| Some(folder.join(path.file_name()?)));
            return Ok(path.canonicalize().ok().or(whole).unwrap_or(path));
        };
        path = path.parent().unwrap_or(Path::new("/")).join(to);
    }
    Err(Error::config(format!("{} is a link that leads to itself; remove it", path.display())))
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::config(format!("{} can't be written: {error}; it was not changed", path.display()))
}
