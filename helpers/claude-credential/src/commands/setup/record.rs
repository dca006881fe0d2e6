//! The record that `setup --undo` needs: one folder for each settings file, in our data folder.

use std::fs;
use std::path::{Path, PathBuf};

use claude_credential_config::Folders;
use claude_credential_files::{Trust, ensure_folder, hex, read, replace_durably};
use claude_credential_protocol::Error;
use serde::{Deserialize, Serialize};

use super::{Change, Edit, Edited, SettingChange, SettingsDocument, is_text, sections};

/// Two files of at most a megabyte each, as they were, as they were found and as they were written, quoted.
const MAX_RECORD: u64 = 24 << 20;

/// Version 1 recorded a setting's earlier value as a string only.
const VERSION: u32 = 2;

/// What was written for one settings file, from the first setup to the last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    pub(crate) settings: Option<Edited>,
    pub(crate) config: Option<Edited>,
    /// The settings that the last setup wrote.
    pub(crate) changes: Vec<Change>,
    /// Whether the file had no `env` before.
    pub(crate) made_env: bool,
}

impl Record {
    /// The record for a settings file. `None` if setup has written nothing.
    pub(crate) fn load(folders: &Folders, settings: &Path) -> Result<Option<Self>, Error> {
        let file = Self::folder(folders, settings).join("undo.json");
        let Some(bytes) = read(&file, Trust::Private, MAX_RECORD)? else { return Ok(None) };
        let record = serde_json::from_slice::<Self>(&bytes).ok().filter(|record| record.version == VERSION);
        record.map(Some).ok_or_else(|| {
            Error::config(format!(
                "{file} was written by another version; run: mv {file} {file}.old",
                file = file.display()
            ))
        })
    }

    /// The record after another setup. Undo returns to the state before the first one; what the user changed between two
    /// of them stays.
    pub(crate) fn next(
        earlier: Option<&Self>,
        settings: &Edit,
        wanted: &[SettingChange],
        config: &Edit,
    ) -> Result<Self, Error> {
        let empty = Self { version: VERSION, settings: None, config: None, changes: Vec::new(), made_env: false };
        let mut record = earlier.cloned().unwrap_or(empty);
        if settings.is_change() {
            let target = &settings.target;
            let rest = target.text.as_ref().map(|text| record.without_ours(text, &target.path)).transpose()?;
            let edited = Edited::next(record.settings.take(), settings, rest);
            let before = SettingsDocument::parse(edited.before.as_deref().unwrap_or_default(), &target.path)?;
            record.made_env = !before.has("env");
            record.changes.clear();
            for SettingChange { path, value } in wanted {
                record.changes.push(Change { path: path.clone(), before: before.raw(path)?, after: value.clone() });
            }
            record.settings = Some(edited);
        }
        if config.is_change() {
            let target = &config.target;
            let earlier = record.config.take();
            let rest = earlier.as_ref().and_then(|edited| sections::without_ours(target.text(), edited).ok());
            record.config = Some(Edited::next(earlier, config, rest.or_else(|| target.text.clone())));
        }
        Ok(record)
    }

    /// The text of a settings file without the settings that setup wrote.
    pub(crate) fn without_ours(&self, text: &str, file: &Path) -> Result<String, Error> {
        let mut settings = SettingsDocument::parse(text, file)?;
        let ours = self.ours(&settings, &[])?;
        if ours.is_empty() {
            return Ok(text.to_owned());
        }
        for change in ours {
            settings.restore(&change, self.made_env)?;
        }
        Ok(settings.text())
    }

    /// The settings that still have the value that setup wrote, and those of the user's that are gone with it, except
    /// those in `wanted`.
    pub(crate) fn ours(&self, settings: &SettingsDocument, wanted: &[SettingChange]) -> Result<Vec<Change>, Error> {
        let mut ours = Vec::new();
        for change in self.changes.iter().filter(|change| wanted.iter().all(|wanted| wanted.path != change.path)) {
            let now = settings.raw(&change.path)?;
            if now.map_or(change.before.is_some(), |now| is_text(&now, &change.after)) {
                ours.push(change.clone());
            }
        }
        Ok(ours)
    }

    /// Saves the record, before the files themselves are written, so that undo works if setup is killed in between. A
    /// copy of each file, as it was, stands beside it for the user. Returns the folder.
    pub(crate) fn save(&self, folders: &Folders, settings: &Path) -> Result<PathBuf, Error> {
        let folder = Self::folder(folders, settings);
        for folder in [&folders.data, &folders.data.join("setup"), &folder] {
            ensure_folder(folder)?;
        }
        for (name, edited) in [("settings.json", &self.settings), ("config.toml", &self.config)] {
            if let Some(before) = edited.as_ref().and_then(|edited| edited.before.as_ref()) {
                // The copy from the first setup has the state before all of them.
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

    /// Whether one of the files existed before.
    pub(crate) fn has_backups(&self) -> bool {
        [&self.settings, &self.config].into_iter().flatten().any(|edited| edited.before.is_some())
    }

    /// Whether there is a copy of a file that an earlier undo has finished with, which may have been edited before.
    pub(crate) fn has_copies_of_finished_files(&self, folder: &Path) -> bool {
        let files = [("settings.json", &self.settings), ("config.toml", &self.config)];
        files.into_iter().any(|(name, edited)| edited.is_none() && folder.join(name).exists())
    }

    /// Removes the record, with its copies.
    pub(crate) fn remove(folders: &Folders, settings: &Path) -> Result<(), Error> {
        let folder = Self::folder(folders, settings);
        fs::remove_dir_all(&folder).map_err(|error| {
            Error::config(format!("can't remove {folder}: {error}; run: rm -r {folder}", folder = folder.display()))
        })?;
        // Only the last one leaves it empty.
        let _ = fs::remove_dir(folders.data.join("setup"));
        Ok(())
    }

    /// Where the record for a settings file is.
    pub(crate) fn folder(folders: &Folders, settings: &Path) -> PathBuf {
        let hash = blake3::hash(settings.as_os_str().as_encoded_bytes());
        folders.data.join("setup").join(hex(&hash.as_bytes()[..8]))
    }
}
