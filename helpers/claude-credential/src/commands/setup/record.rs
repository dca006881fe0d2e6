//! What `setup --undo` needs: kept in our data folder, one folder for each settings file.

use std::fs;
use std::path::{Path, PathBuf};

use claude_credential_config::Folders;
use claude_credential_files::{Trust, ensure_folder, hex, read, replace_durably};
use claude_credential_protocol::Error;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::blanks::Wanted;
use super::edited::{Change, Edited};
use super::file::Target;
use super::sections;
use super::settings::Settings;

/// Two files of at most a megabyte each, as they were, as they were found and as they were written, quoted.
const MAX_RECORD: u64 = 24 << 20;

/// In the first one a value before was its text alone.
const VERSION: u32 = 2;

/// Everything that was written for one settings file, from the first setup to the last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    pub(crate) settings: Option<Edited>,
    pub(crate) config: Option<Edited>,
    /// The settings that are ours, for a file that somebody has changed since.
    pub(crate) changes: Vec<Change>,
    /// There was no `env` before.
    pub(crate) made_env: bool,
}

impl Record {
    /// What was recorded for a settings file.
    pub(crate) fn load(folders: &Folders, settings: &Path) -> Result<Option<Self>, Error> {
        let file = folder(folders, settings).join("undo.json");
        let Some(bytes) = read(&file, Trust::Private, MAX_RECORD)? else { return Ok(None) };
        let record = serde_json::from_slice::<Self>(&bytes).ok().filter(|record| record.version == VERSION);
        record.map(Some).ok_or_else(|| {
            Error::config(format!("{} is no record that this version knows; move it away", file.display()))
        })
    }

    /// The record of one setup more. Undo leads back to before the first one; what somebody changed between two of them
    /// stays.
    pub(crate) fn next(
        earlier: Option<&Self>,
        settings: Option<(&Target, &str, &[Wanted])>,
        config: Option<(&Target, &str)>,
    ) -> Result<Self, Error> {
        let mut record = Self {
            version: VERSION,
            settings: earlier.and_then(|earlier| earlier.settings.clone()),
            config: earlier.and_then(|earlier| earlier.config.clone()),
            changes: earlier.map(|earlier| earlier.changes.clone()).unwrap_or_default(),
            made_env: earlier.is_some_and(|earlier| earlier.made_env),
        };
        if let Some((target, written, wanted)) = settings {
            let is_as_left = record.settings.as_ref().is_some_and(|edited| edited.is_as_left(target.text()));
            let (before, made) = match record.settings.take().filter(|_| is_as_left) {
                Some(edited) => (edited.before, edited.made),
                None => (record.without_ours(target)?, target.missing_folder()),
            };
            record.note(target, before.as_deref().unwrap_or_default(), wanted)?;
            record.settings = Some(Edited {
                path: target.path.clone(),
                before,
                found: target.text.clone(),
                written: written.to_owned(),
                made,
            });
        }
        if let Some((target, written)) = config {
            let (before, made) = match record.config.take() {
                Some(edited) if edited.is_as_left(target.text()) => (edited.before, edited.made),
                Some(edited) if target.text.is_some() => {
                    // What somebody made their own stays, and all of it.
                    let rest = sections::without_ours(target.text(), &edited);
                    (rest.unwrap_or_else(|_| target.text.clone()), edited.made)
                }
                _ => (target.text.clone(), target.missing_folder()),
            };
            record.config = Some(Edited {
                path: target.path.clone(),
                before,
                found: target.text.clone(),
                written: written.to_owned(),
                made,
            });
        }
        Ok(record)
    }

    /// A file as it would be without what is recorded.
    pub(crate) fn without_ours(&self, target: &Target) -> Result<Option<String>, Error> {
        let Some(text) = &target.text else { return Ok(None) };
        if self.changes.is_empty() {
            return Ok(Some(text.clone()));
        }
        let mut settings = Settings::parse(text, &target.path)?;
        for change in self.ours(&settings, &[])? {
            settings.take_back(&change, self.made_env)?;
        }
        Ok(Some(settings.text()))
    }

    /// The settings that are as a setup wrote them, but for those that are wanted.
    pub(crate) fn ours(&self, settings: &Settings, wanted: &[Wanted]) -> Result<Vec<Change>, Error> {
        let mut ours = Vec::new();
        for change in self.changes.iter().filter(|change| wanted.iter().all(|wanted| wanted.path != change.path)) {
            if settings.get(&change.path)?.as_ref().and_then(Value::as_str) == Some(&change.after) {
                ours.push(change.clone());
            }
        }
        Ok(ours)
    }

    fn note(&mut self, target: &Target, before: &str, wanted: &[Wanted]) -> Result<(), Error> {
        let settings = Settings::parse(before, &target.path)?;
        self.made_env = !settings.has("env");
        // What an earlier preset wrote besides was taken back.
        self.changes.clear();
        for Wanted { path, value } in wanted {
            self.changes.push(Change { path: path.clone(), before: settings.raw(path)?, after: value.clone() });
        }
        Ok(())
    }

    /// Written before the files themselves, so that whatever happens between can be undone. The files as they were are
    /// beside it, for people.
    pub(crate) fn save(&self, folders: &Folders, settings: &Path) -> Result<PathBuf, Error> {
        let folder = folder(folders, settings);
        for folder in [&folders.data, &folders.data.join("setup"), &folder] {
            ensure_folder(folder)?;
        }
        for (name, edited) in [("settings.json", &self.settings), ("config.toml", &self.config)] {
            if let Some(before) = edited.as_ref().and_then(|edited| edited.before.as_ref()) {
                // The first one is what was there before any setup.
                if !folder.join(name).exists() {
                    replace_durably(&folder.join(name), before.as_bytes())?;
                }
            }
        }
        let bytes =
            serde_json::to_vec(self).map_err(|error| Error::broke(format!("can't record the change: {error}")))?;
        replace_durably(&folder.join("undo.json"), &bytes)?;
        Ok(folder)
    }

    /// Whether there was a file before.
    pub(crate) fn has_backups(&self) -> bool {
        [&self.settings, &self.config].into_iter().flatten().any(|edited| edited.before.is_some())
    }

    /// The settings are as they were.
    pub(crate) fn forget_settings(&mut self) {
        self.settings = None;
        self.changes = Vec::new();
        self.made_env = false;
    }

    /// Nothing is left to undo.
    pub(crate) fn forget(folders: &Folders, settings: &Path) -> Result<(), Error> {
        let folder = folder(folders, settings);
        fs::remove_dir_all(&folder)
            .map_err(|error| Error::config(format!("{} can't be removed: {error}", folder.display())))?;
        // Goes with the last of them.
        let _ = fs::remove_dir(folders.data.join("setup"));
        Ok(())
    }
}

fn folder(folders: &Folders, settings: &Path) -> PathBuf {
    let hash = blake3::hash(settings.as_os_str().as_encoded_bytes());
    folders.data.join("setup").join(hex(&hash.as_bytes()[..8]))
}
