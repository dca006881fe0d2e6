//! A file of the user's that is replaced whole or not at all: at the end of its links, with its mode and owner.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use claude_credential_files::{Trust, hex, random, read};
use claude_credential_protocol::Error;

use crate::context::Context;

/// No file of this kind that a person writes comes near this.
const MAX: u64 = 1 << 20;

/// As many links lead to a file at most, as the kernel has it.
const MAX_LINKS: usize = 40;

/// A file as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Where it is, links followed.
    pub(crate) path: PathBuf,
    /// What it says; none where there is no file.
    pub(crate) text: Option<String>,
    /// Mode and owner; none where there is no file.
    kept: Option<(u32, u32, u32)>,
}

impl Target {
    /// The file at `path`, if it can be read and replaced.
    pub(crate) fn find(path: &Path) -> Result<Self, Error> {
        let path = resolve(path)?;
        let shown = path.display();
        let Some(bytes) = read(&path, Trust::Settings, MAX)? else { return Ok(Self { path, text: None, kept: None }) };
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| {
            Error::config(format!("{shown} is not UTF-8; convert it, then run: claude-credential setup"))
        })?;
        let found = fs::metadata(&path).map_err(|error| unusable(&path, &error))?;
        if found.mode() & 0o200 == 0 {
            return Err(Error::config(format!("{shown} is read-only; run: chmod u+w {shown}")));
        }
        if found.nlink() > 1 {
            return Err(Error::config(format!(
                "{shown} has another name (a hard link), which would keep what it says now; make a copy in its place"
            )));
        }
        let kept = Some((found.mode() & 0o7777, found.uid(), found.gid()));
        Ok(Self { path, text: Some(text), kept })
    }

    pub(crate) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// The topmost folder on its way that has to be made.
    pub(crate) fn missing_folder(&self) -> Option<PathBuf> {
        let folders = self.path.ancestors().skip(1);
        folders.take_while(|folder| !folder.exists()).last().map(Path::to_owned)
    }

    /// Makes it say `text`, unless somebody has changed it since it was found.
    pub(crate) fn write(&self, text: &str, new_mode: u32) -> Result<(), Error> {
        let error = |error: io::Error| unusable(&self.path, &error);
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(error)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = Temporary(folder.join(format!(".{name}.{}.new", hex(&random::<8>()))));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary.0).map_err(error)?;
        file.write_all(text.as_bytes()).map_err(error)?;
        let found = file.metadata().map_err(error)?;
        let mode = match self.kept {
            Some((mode, uid, gid)) => {
                if (found.uid(), found.gid()) != (uid, gid) {
                    fchown(&file, Some(uid), Some(gid)).map_err(|_| {
                        Error::config(format!("{} would change its owner; edit it as that user", self.path.display()))
                    })?;
                }
                mode
            }
            None => new_mode,
        };
        file.set_permissions(Permissions::from_mode(mode)).map_err(error)?;
        file.sync_all().map_err(error)?;
        self.must_be_unchanged()?;
        fs::rename(&temporary.0, &self.path).map_err(error)
    }

    /// Takes it away, and the folder that was made for it if nothing else is in it.
    pub(crate) fn remove(&self, made: Option<&Path>) -> Result<(), Error> {
        self.must_be_unchanged()?;
        fs::remove_file(&self.path).map_err(|error| unusable(&self.path, &error))?;
        let below =
            self.path.ancestors().skip(1).take_while(|folder| made.is_some_and(|made| folder.starts_with(made)));
        for folder in below {
            // Whatever else is in it by now stays.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Somebody may have written it while a question was read.
    pub(crate) fn must_be_unchanged(&self) -> Result<(), Error> {
        let now = read(&self.path, Trust::Settings, MAX)?;
        if now.as_deref().map(Vec::as_slice) == self.text.as_deref().map(str::as_bytes) {
            return Ok(());
        }
        Err(Error::unavailable(format!("{} was changed meanwhile; try again", self.path.display())))
    }
}

/// Claude Code's settings of the user.
pub(crate) fn settings_file(context: &Context) -> PathBuf {
    context.folders.claude.join("settings.json")
}

/// Whether a literal of the file is that text.
pub(crate) fn is_text(literal: &str, text: &str) -> bool {
    serde_json::from_str::<String>(literal).is_ok_and(|value| value == text)
}

/// At the end of its links, even where nothing is there yet.
fn resolve(path: &Path) -> Result<PathBuf, Error> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(to) = fs::read_link(&path) else {
            // There need not be a file, but for its folder.
            let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
            let whole = folder.and_then(|folder| Some(folder.join(path.file_name()?)));
            return Ok(path.canonicalize().ok().or(whole).unwrap_or(path));
        };
        path = path.parent().unwrap_or(Path::new("/")).join(to);
    }
    Err(Error::config(format!("{} is a link that leads in a circle; remove it", path.display())))
}

fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::config(format!("{} can't be written: {error}; nothing was changed in it", path.display()))
}

/// Removed if it does not get to its place.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
