//! `setup --undo`: both files as they were before the first setup.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use claude_credential_config::{kept, logins};
use claude_credential_protocol::{Class, Error};
use serde_json::Value;

use super::diff::{self, Line};
use super::edited::Edited;
use super::file::{Target, is_text, settings_file};
use super::person::Person;
use super::plan::{CONFIG_MODE, SETTINGS_MODE};
use super::record::Record;
use super::sections;
use super::settings::Settings;
use super::show::{show_config, show_settings};
use crate::cli::setup::Setup;
use crate::context::Context;
use crate::failure::Failure;

/// What becomes of one file.
enum Undo {
    /// It is as it was.
    Nothing,
    /// Somebody changed it since, and it stays so.
    Left,
    /// There was none.
    Remove,
    /// This is what it says then.
    Write(String),
}

pub(crate) fn run(context: &Context, options: &Setup, person: &mut Person) -> Result<u8, Failure> {
    let settings = Target::find(&settings_file(context))?;
    let Some(mut record) = Record::load(&context.folders, &settings.path)? else {
        let message = format!("nothing to undo: setup has written nothing into {}", settings.path.display());
        return Err(Error::new(Class::NotFound, message).into());
    };
    let colours = diff::are_colours_wanted(&context.environment);
    let of_settings = match &record.settings {
        Some(edited) => undo_settings(&settings, edited, &record, options, person)?,
        None => Undo::Nothing,
    };
    let config = record.config.as_ref().map(|edited| Target::find(&edited.path)).transpose()?;
    let of_config = match (&record.config, &config) {
        (Some(edited), Some(target)) => undo_config(target, edited, options, person),
        _ => Undo::Nothing,
    };
    let known = |value: &str| record.changes.iter().any(|change| is_text(value, &change.after));
    let mut shown = String::new();
    if of_settings.is_change() {
        shown += &show_settings(&settings.path, settings.text(), of_settings.text(), &known, colours);
    }
    if let (Some(target), true) = (&config, of_config.is_change()) {
        let name = target.path.display().to_string();
        let by_setup = record.config.as_ref().map(|edited| (edited.before.as_deref(), edited.written.as_str()));
        let (before, written) = by_setup.unwrap_or_default();
        let by_setup = (before.unwrap_or_default(), vec![written]);
        shown += &show_config(&name, target.text(), of_config.text(), &by_setup, colours);
    }
    let _ = io::stderr().write_all(shown.as_bytes());
    for provider in providers_that_go(context, &of_config) {
        person.say(&format!(
            "the sign-in to {provider} stays, and nobody can end it here then; to end it before, run: \
             claude-credential logout {provider}"
        ));
    }
    if !person.agrees("undo this?", options.yes)? {
        person.say("nothing was changed");
        return Ok(1);
    }
    let made = |edited: &Option<Edited>| edited.as_ref().and_then(|edited| edited.made.clone());
    of_settings.perform(&settings, made(&record.settings).as_deref(), SETTINGS_MODE)?;
    if let Some(target) = &config {
        of_config.perform(target, made(&record.config).as_deref(), CONFIG_MODE)?;
    }
    let mut left = Vec::new();
    match of_settings {
        Undo::Left => left.push(settings.path.display().to_string()),
        _ => record.forget_settings(),
    }
    match (of_config, &config) {
        (Undo::Left, Some(target)) => left.push(target.path.display().to_string()),
        _ => record.config = None,
    }
    if !left.is_empty() {
        // What was there before is kept nowhere else.
        let kept = record.save(&context.folders, &settings.path)?;
        return Err(Error::config(format!(
            "{} was left as it is, and what was there before setup is in {} still; to put that back, and lose every \
             change since, run: claude-credential setup --undo --replace",
            left.join(" and "),
            kept.display()
        ))
        .into());
    }
    Record::forget(&context.folders, &settings.path)?;
    let has_key = kept::is_any(&context.folders);
    let key = if has_key { "; a key is kept still: claude-credential logout api-key forgets it" } else { "" };
    person.say(&format!("undone{key}"));
    Ok(0)
}

/// The providers that somebody is signed in to, and that are gone afterwards.
fn providers_that_go(context: &Context, of_config: &Undo) -> BTreeSet<String> {
    let logins = logins::list(&context.folders).unwrap_or_default().into_iter().map(|login| login.provider);
    let has = |provider: &String| context.config.providers.contains_key(provider);
    let stays = |provider: &String| of_config.text().contains(&format!("[provider.{provider}]"));
    logins.filter(|provider| of_config.is_change() && has(provider) && !stays(provider)).collect()
}

fn undo_settings(
    target: &Target,
    edited: &Edited,
    record: &Record,
    options: &Setup,
    person: &Person,
) -> Result<Undo, Failure> {
    let shown = target.path.display();
    if target.text == edited.before {
        return Ok(Undo::Nothing);
    }
    let Some(text) = &target.text else {
        if options.replace {
            return Ok(edited.before.clone().map_or(Undo::Nothing, Undo::Write));
        }
        person.say(&format!("{shown} was removed since, and stays so"));
        return Ok(Undo::Left);
    };
    if edited.is_as_left(text) {
        return Ok(edited.before.clone().map_or(Undo::Remove, Undo::Write));
    }
    let since = changed_lines(&edited.written, text);
    person.say(&format!("{shown} was changed since setup wrote it, {since}; what was changed stays"));
    let settings = Settings::parse(text, &target.path)?;
    let foreign: Vec<String> = record
        .changes
        .iter()
        .filter_map(|change| {
            let now = settings.get(&change.path).ok()?;
            let is_ours = now == Some(Value::String(change.after.clone()));
            let is_as_before = settings.raw(&change.path).ok()? == change.before;
            (!is_ours && !is_as_before).then(|| change.path.join("."))
        })
        .collect();
    if foreign.is_empty() {
        return Ok(record.without_ours(target)?.map_or(Undo::Nothing, Undo::Write));
    }
    if !options.replace {
        let names = foreign.join("`, `");
        return Err(Error::config(format!(
            "{shown}: somebody has given `{names}` another value since; to put back all that was there before setup, and \
             lose every change since, run: claude-credential setup --undo --replace"
        ))
        .into());
    }
    Ok(edited.before.clone().map_or(Undo::Remove, Undo::Write))
}

fn undo_config(target: &Target, edited: &Edited, options: &Setup, person: &Person) -> Undo {
    if target.text == edited.before {
        return Undo::Nothing;
    }
    if options.replace || target.text.as_deref().is_some_and(|text| edited.is_as_left(text)) {
        return edited.before.clone().map_or(Undo::Remove, Undo::Write);
    }
    let shown = target.path.display();
    let Some(text) = &target.text else {
        person.say(&format!("{shown} was removed since, and stays so"));
        return Undo::Left;
    };
    let since = changed_lines(&edited.written, text);
    match sections::without_ours(text, edited) {
        Ok(rest) => {
            person.say(&format!("{shown} was changed since setup wrote it, {since}; what was changed stays"));
            match rest {
                Some(rest) if rest == *text => Undo::Nothing,
                Some(rest) => Undo::Write(rest),
                None => Undo::Remove,
            }
        }
        Err(names) => {
            let names = names.join(", ");
            person.say(&format!("{shown} was changed since setup wrote it, {since}; it is left as it is, for {names}"));
            Undo::Left
        }
    }
}

/// Which lines of `now` are not those of `written`.
fn changed_lines(written: &str, now: &str) -> String {
    let mut numbers = Vec::new();
    let mut number = 1;
    for line in diff::lines(written, now) {
        match line {
            Line::Same(_) => number += 1,
            Line::New(_) => {
                numbers.push(number.to_string());
                number += 1;
            }
            Line::Gone(_) => {}
        }
    }
    match numbers.as_slice() {
        [] => "where lines are missing".to_owned(),
        [one] => format!("in line {one}"),
        [first, .., last] if numbers.len() > 8 => format!("in {} lines from {first} to {last}", numbers.len()),
        several => format!("in lines {}", several.join(", ")),
    }
}

impl Undo {
    fn is_change(&self) -> bool {
        matches!(self, Self::Remove | Self::Write(_))
    }

    fn text(&self) -> &str {
        if let Self::Write(text) = self { text } else { "" }
    }

    fn perform(&self, target: &Target, made: Option<&Path>, new_mode: u32) -> Result<(), Error> {
        match self {
            Self::Nothing | Self::Left => Ok(()),
            Self::Remove => target.remove(made),
            Self::Write(text) => target.write(text, new_mode),
        }
    }
}
