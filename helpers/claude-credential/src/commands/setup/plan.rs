//! What setup will write.

use std::path::PathBuf;

use claude_credential_config::claude;
use claude_credential_protocol::Error;

use super::{
    Change, Edit, Placeholders, Preset, Record, SettingChange, SettingsDocument, Target, config, is_text, sections,
    settings, settings_file, show_config, show_settings,
};
use crate::cli::Setup;
use crate::context::Context;

/// Both files, before and after.
pub(crate) struct Plan {
    pub(crate) settings: Edit,
    pub(crate) wanted: Vec<SettingChange>,
    /// The settings that have a value setup did not write, and that would be replaced.
    pub(crate) conflicts: Vec<String>,
    pub(crate) config: Edit,
    earlier: Option<Record>,
}

impl Plan {
    pub(crate) fn new(
        context: &Context,
        preset: &Preset,
        placeholders: &Placeholders,
        options: &Setup,
    ) -> Result<Self, Error> {
        let target = Target::look(&settings_file(context))?;
        let earlier = Record::load(&context.folders, &target.path)?;
        let wanted = placeholders.settings(&preset.settings);
        let now = SettingsDocument::parse(target.text(), &target.path)?;
        // Settings of an earlier preset that this one does not write would still take effect.
        let stale = match &earlier {
            // A preset for scripts changes no settings.
            Some(earlier) if !wanted.is_empty() => earlier.ours(&now, &wanted)?,
            _ => Vec::new(),
        };
        let made_env = earlier.as_ref().is_some_and(|earlier| earlier.made_env);
        let is_ours = |SettingChange { path, value }: &SettingChange, there: &str| {
            let is_written = |change: &Change| change.path == *path && change.after == there;
            there == value
                || there.trim().is_empty()
                || (path.len() == 1 && claude::leads_to_us(there))
                || earlier.iter().flat_map(|earlier| &earlier.changes).any(is_written)
        };
        let (mut missing, mut conflicts) = (Vec::new(), Vec::new());
        for change in &wanted {
            let there = now.raw(&change.path)?;
            if there.as_ref().is_none_or(|there| !is_text(there, &change.value)) {
                missing.push(change);
            }
            let there = there.map_or(Ok(None), |there| serde_json::from_str::<Option<String>>(&there));
            if !there.is_ok_and(|there| there.is_none_or(|there| is_ours(change, &there))) {
                conflicts.push(change.path.join("."));
            }
        }
        let new_settings = if missing.is_empty() && stale.is_empty() {
            target.text().to_owned()
        } else {
            let mut edited = now;
            for SettingChange { path, value } in missing {
                edited.set(path, value)?;
            }
            for change in &stale {
                edited.restore(change, made_env)?;
            }
            settings::check(target.text(), &edited.text(), (&stale, made_env), &wanted, &target.path)?;
            edited.text()
        };
        let own = context.folders.config.join("config.toml");
        let config = Target::look(context.options.config.as_deref().unwrap_or(&own))?;
        let mut wanted_sections = preset.config(&|name| placeholders.has(name))?;
        placeholders.config(&mut wanted_sections);
        // A section that an earlier setup wrote may be replaced.
        let written = earlier.as_ref().and_then(|earlier| earlier.config.as_ref());
        let may_replace = |kind: &str, name: &str| {
            options.replace || written.is_some_and(|edited| sections::is_ours(config.text(), edited, kind, name))
        };
        let new_config =
            self::config::edited(config.text(), &config.path, &wanted_sections, &context.config, &may_replace)?;
        if let Some(other) = written.filter(|edited| edited.path != config.path && new_config != config.text()) {
            return Err(Error::config(format!(
                "an earlier setup wrote {}, and only one configuration can be undone; first run: claude-credential setup --undo",
                other.path.display()
            )));
        }
        let (settings, config) = (Edit::new(target, new_settings), Edit::new(config, new_config));
        Ok(Self { settings, wanted, conflicts, config, earlier })
    }

    /// Both changes, without the user's values.
    pub(crate) fn shown(&self, colours: bool) -> String {
        let earlier = self.earlier.iter().flat_map(|earlier| &earlier.changes).map(|change| &change.after);
        let ours: Vec<&String> = self.wanted.iter().map(|wanted| &wanted.value).chain(earlier).collect();
        let known = |literal: &str| ours.iter().any(|text| is_text(literal, text));
        let settings = show_settings(&self.settings, &known, colours);
        let (old, new) = (self.config.target.text(), self.config.after());
        // What an earlier setup wrote is no secret either.
        let earlier = self.earlier.as_ref().and_then(|earlier| earlier.config.as_ref());
        let by_setup = match earlier {
            Some(edited) if edited.written == old => (edited.before.as_deref().unwrap_or_default(), vec![old, new]),
            _ => (old, vec![new]),
        };
        settings + &show_config(&self.config, &by_setup, colours)
    }

    /// Fails if a file that changes can't be replaced. The user has seen the change by then.
    pub(crate) fn replaceable(&self) -> Result<(), Error> {
        [&self.config, &self.settings]
            .into_iter()
            .filter(|edit| edit.is_change())
            .try_for_each(|edit| edit.target.replaceable())
    }

    /// Writes the record for undo, then `config.toml`, then the settings, which Claude Code acts on. Returns the folder
    /// with the copies. `None` if neither file existed.
    pub(crate) fn perform(&self, context: &Context) -> Result<Option<PathBuf>, Error> {
        let record = Record::next(self.earlier.as_ref(), &self.settings, &self.wanted, &self.config)?;
        for edit in [&self.settings, &self.config] {
            edit.target.check_unchanged()?;
        }
        let kept = record.save(&context.folders, &self.settings.target.path)?;
        for edit in [&self.config, &self.settings].into_iter().filter(|edit| edit.is_change()) {
            edit.target.write(edit.after())?;
        }
        Ok(Some(kept).filter(|_| record.has_backups()))
    }
}
