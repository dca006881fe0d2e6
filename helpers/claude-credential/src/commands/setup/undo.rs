//! `setup --undo`: both files as they were before the first setup.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use claude_credential_config::{Config, kept, logins};
use claude_credential_protocol::{Class, Error};

use super::{
    Edit, Edited, Prompt, Record, SettingsDocument, Target, is_text, sections, settings_file, show_config,
    show_settings,
};
use crate::cli::Setup;
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::screen::wants_colours;

pub(crate) fn run(context: &Context, options: &Setup, prompt: &mut Prompt) -> Result<u8, Failure> {
    let target = Target::find(&settings_file(context))?;
    let (file, is_there) = (target.path.clone(), target.text.is_some());
    let Some(mut record) = Record::load(&context.folders, &file)? else {
        let message = format!("nothing to undo: setup has written nothing into {}", file.display());
        return Err(Error::new(Class::NotFound, message).into());
    };
    let (mut settings, mut config, mut failures) = (None, None, Vec::new());
    if let Some(edited) = &record.settings {
        match Step::plan(target, edited, options.replace, |text| settings_without_ours(text, &record, &file)) {
            Ok(step) => settings = Some(step),
            // A helper in the settings must not lose its profile.
            Err(error) if is_there => return Err(Error::config(format!("{error}; {REPLACE}")).into()),
            Err(error) => failures.push(error.to_string()),
        }
    }
    if let Some(edited) = &record.config {
        let without_ours = |text: &str| config_without_ours(context, text, edited);
        match Step::plan(Target::find(&edited.path)?, edited, options.replace, without_ours) {
            Ok(step) => config = Some(step),
            Err(error) => failures.push(error.to_string()),
        }
    }
    let planned = || [&settings, &config].into_iter().flatten();
    let steps: Vec<&Step> = planned().filter(|step| step.edit.is_change()).collect();
    for step in steps.iter().filter(|step| step.is_edited) {
        let file = step.edit.target.path.display();
        prompt.say(&format!("{file} was changed since setup wrote it; only what setup wrote is undone"));
    }
    let folder = Record::folder(&context.folders, &file);
    let may_have_more = record.has_backups() && planned().any(|step| step.is_edited);
    let has_more = failures.is_empty() && (may_have_more || record.has_copies_of_finished_files(&folder));
    if steps.is_empty() && has_more {
        prompt.say(&format!(
            "nothing that setup wrote is left; the copies of the files as they were are removed from {}",
            folder.display()
        ));
    }
    let _ = io::stderr().write_all(shown(context, &record, settings.as_ref(), config.as_ref()).as_bytes());
    for provider in config.iter().flat_map(|step| removed_sign_ins(context, step)) {
        prompt.say(&format!(
            "the sign-in to {provider} stays, and can't be ended after this; to end it first, run: claude-credential \
             logout {provider}"
        ));
    }
    if (has_more || !steps.is_empty()) && !prompt.agree("undo this?", options.yes)? {
        prompt.say("nothing was changed");
        return Ok(1);
    }
    for step in steps {
        step.perform()?;
    }
    if !failures.is_empty() {
        if settings.is_some() {
            (record.settings, record.changes, record.made_env) = (None, Vec::new(), false);
        }
        if config.is_some() {
            record.config = None;
        }
        let folder = record.save(&context.folders, &file)?;
        let failures = failures.join("; ");
        let message = format!("{failures}; the file as it was is kept in {}; {REPLACE}", folder.display());
        return Err(Error::config(message).into());
    }
    Record::remove(&context.folders, &file)?;
    let has_key = kept::is_any(&context.folders)?;
    let key = if has_key { "; to remove the stored key too, run: claude-credential logout api-key" } else { "" };
    prompt.say(&format!("undone{key}"));
    Ok(0)
}

const REPLACE: &str =
    "to put back the file as it was, and lose every change since, run: claude-credential setup --undo --replace";

/// What undo does to one file.
struct Step {
    edit: Edit,
    made: Option<PathBuf>,
    /// Whether the file was changed since setup wrote it, and keeps these changes.
    is_edited: bool,
}

impl Step {
    /// Restores a file that is as setup left it. Out of one that was changed since it takes what setup wrote; the error
    /// of `without_ours` says why it can't, and then the file is restored if `replace` says so.
    fn plan(
        target: Target,
        edited: &Edited,
        replace: bool,
        without_ours: impl FnOnce(&str) -> Result<String, Error>,
    ) -> Result<Self, Error> {
        let file = target.path.display();
        let is_untouched = target.text.as_deref().is_some_and(|text| edited.is_untouched(text));
        let rest = match &target.text {
            before if is_untouched || *before == edited.before => None,
            Some(text) => Some(without_ours(text).map_err(|error| {
                Error::config(format!("{file} was changed since setup wrote it, and is left as it is; {error}"))
            })),
            None => Some(Err(Error::config(format!("{file} was removed since setup wrote it")))),
        };
        let rest = rest.filter(|rest| !(replace && rest.is_err())).transpose()?;
        let is_edited = rest.is_some();
        let after = rest.map_or_else(|| edited.before.clone(), |rest| edited.remainder(rest));
        Ok(Self { edit: Edit { target, after }, made: edited.made.clone(), is_edited })
    }

    fn perform(&self) -> Result<(), Error> {
        match &self.edit.after {
            Some(text) => self.edit.target.write(text),
            None => self.edit.target.remove(self.made.as_deref()),
        }
    }
}

/// Fails if the user has given another value to a setting that setup wrote.
fn settings_without_ours(text: &str, record: &Record, file: &Path) -> Result<String, Error> {
    let settings = SettingsDocument::parse(text, file)?;
    let mut theirs = Vec::new();
    for change in &record.changes {
        let now = settings.raw(&change.path)?.filter(|now| !is_text(now, &change.after));
        if now.is_some() && now != change.before {
            theirs.push(change.path.join("."));
        }
    }
    match theirs.as_slice() {
        [] => record.without_ours(text, file),
        names => Err(Error::config(format!("remove `{}`, which has another value now", names.join("`, `")))),
    }
}

/// Fails if what is left would be no valid configuration, unless it is none now.
fn config_without_ours(context: &Context, text: &str, edited: &Edited) -> Result<String, Error> {
    let rest = sections::without_ours(text, edited).map_err(|steps| Error::config(steps.join(", ")))?;
    let parse = |text: &str| Config::parse(text.as_bytes(), &edited.path, &context.folders);
    match parse(&rest) {
        Err(error) if parse(text).is_ok() => Err(Error::config(format!("without what setup wrote, {error}"))),
        _ => Ok(rest),
    }
}

/// Both changes, without the user's values.
fn shown(context: &Context, record: &Record, settings: Option<&Step>, config: Option<&Step>) -> String {
    let colours = wants_colours(&context.environment, &io::stderr());
    let known = |value: &str| record.changes.iter().any(|change| is_text(value, &change.after));
    let settings = settings.map(|step| show_settings(&step.edit, &known, colours));
    let config = config.zip(record.config.as_ref()).map(|(step, edited)| {
        let by_setup = (edited.before.as_deref().unwrap_or_default(), vec![edited.written.as_str()]);
        show_config(&step.edit, &by_setup, colours)
    });
    settings.unwrap_or_default() + &config.unwrap_or_default()
}

/// The providers that the user is signed in to, and that are not configured afterwards.
fn removed_sign_ins(context: &Context, config: &Step) -> BTreeSet<String> {
    let logins = logins::list(&context.folders).unwrap_or_default().into_iter().map(|login| login.provider);
    let is_configured = |provider: &String| context.config.providers.contains_key(provider);
    let stays = |provider: &String| config.edit.after().contains(&format!("[provider.{provider}]"));
    logins.filter(|provider| config.edit.is_change() && is_configured(provider) && !stays(provider)).collect()
}
