//! `setup`: finds what is there, asks what to use, shows what changes, and writes it; `--undo` takes it back.

mod answers;
mod blanks;
mod check;
mod client;
mod config;
mod diff;
mod edited;
mod effects;
mod file;
mod found;
mod mask;
mod mask_toml;
mod person;
mod plan;
mod preset;
mod record;
mod sections;
mod settings;
mod show;
mod undo;

use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use claude_credential_config::{Program, generation, kept};
use claude_credential_process::{Interrupted, run_attached};
use claude_credential_protocol::{Error, Origin};

use crate::chain::resolve::resolve;
use crate::cli::setup::Setup;
use crate::commands::login;
use crate::context::Context;
use crate::failure::Failure;

use blanks::Blanks;
use client::Destination;
use found::Found;
use person::Person;
use plan::Plan;
use preset::Preset;

/// A key may be mistyped so often before a person wants to start over.
const TRIES: usize = 3;

pub(crate) fn run(context: &Context, options: &Setup) -> Result<u8, Failure> {
    if context.options.profile.is_some() || !context.options.chain.is_empty() {
        return Err(
            Error::config("setup chooses profile and chain by its preset; leave out --profile and --chain").into()
        );
    }
    let mut person = Person::new(context);
    if options.undo {
        return undo::run(context, options, &mut person);
    }
    let presets = Preset::all()?;
    let found = Found::look(context);
    let (preset, mut blanks) = match &options.preset {
        Some(name) => {
            let preset =
                presets.iter().find(|preset| preset.name == *name).ok_or_else(|| answers::unknown(&presets))?;
            (preset, Blanks::new(context, preset)?)
        }
        None if person.is_there() => answers::choose(context, &presets, &found, &mut person)?,
        None => return Err(answers::unknown(&presets).into()),
    };
    if options.stdin && !preset.stores_key {
        return Err(Error::config(format!("the preset {} keeps no key; leave out --stdin", preset.name)).into());
    }
    answers::fill(context, preset, &mut blanks, options, &mut person)?;
    let plan = Plan::new(context, preset, &blanks, options)?;
    let destination = Destination::of_key(context, preset, &plan)?;
    let allowed = may_replace(&plan, options, &mut person)?;
    if !allowed {
        person.say("nothing was changed");
        return Ok(1);
    }
    let needs_key = needs_key(context, preset, &destination.origin, options, &mut person)?;
    let changes_files = plan.changes_settings() || plan.changes_config();
    if !changes_files && !needs_key {
        person.say("everything is set up so already");
        return Ok(0);
    }
    if changes_files {
        person.say("what changes:");
        let lines = effects::lines(context, preset, &found, &plan, &blanks);
        for line in lines.iter().chain(&destination.warning) {
            person.say(&format!("- {line}"));
        }
        let shown = plan.shown(diff::are_colours_wanted(&context.environment));
        let _ = io::stderr().write_all(shown.as_bytes());
        if !person.agrees("write this?", options.yes)? {
            person.say("nothing was changed");
            return Ok(1);
        }
    }
    if needs_key {
        keep_key(context, &destination.origin, options, &person)?;
    }
    if changes_files {
        let kept = plan.perform(context)?;
        generation::touch(&context.folders)?;
        finish(preset, &blanks, &plan, options, &mut person);
        if let Some(kept) = kept {
            person.say(&format!("what was there before is kept in {}", kept.display()));
        }
        person.say(&format!("to go back, run: {} setup --undo", blanks.for_shell("{us}")));
    }
    Ok(0)
}

/// Whether what somebody else has set may be written over.
fn may_replace(plan: &Plan, options: &Setup, person: &mut Person) -> Result<bool, Error> {
    let conflicts = plan.conflicts()?;
    if conflicts.is_empty() || options.replace {
        return Ok(true);
    }
    let file = plan.settings.path.display();
    let what = format!("{file}: `{}` is set to something else already", conflicts.join("`, `"));
    if person.is_there() && !options.yes {
        person.say(&what);
        return person.confirms("replace it?", false);
    }
    Err(Error::config(format!("{what}; to replace it, add: --replace")))
}

/// Whether the user has to give a key.
fn needs_key(
    context: &Context,
    preset: &Preset,
    origin: &Origin,
    options: &Setup,
    person: &mut Person,
) -> Result<bool, Error> {
    if !preset.stores_key || options.stdin {
        return Ok(preset.stores_key);
    }
    let host = origin.host();
    let is_kept = kept::list(&context.folders)?.iter().any(|kept| kept.host == *host && kept.username.is_none());
    let is_set = context.environment.get_os("ANTHROPIC_API_KEY").is_some();
    match (is_kept, person.is_there() && !options.yes) {
        (true, true) => Ok(!person.confirms(&format!("a key for {host} is kept; go on with that one?"), true)?),
        (true, false) => Ok(false),
        (false, _) if person.is_there() => Ok(true),
        (false, _) if is_set => Ok(false),
        (false, _) => Err(Error::config(format!("no key for {host} is kept; to give one on stdin, add: --stdin"))),
    }
}

/// By the helper that keeps keys, which asks for it without showing it.
fn keep_key(context: &Context, origin: &Origin, options: &Setup, person: &Person) -> Result<(), Failure> {
    let profile = &context.config.profiles["default"];
    let mut entry =
        resolve("api-key", profile, context).ok_or_else(|| Error::broke("the built-in entry api-key is missing"))?;
    if let Program::Helper { args, .. } = &mut entry.definition.program {
        args.extend(["--host".to_owned(), origin.as_listed()]);
    }
    let stdin = ["--stdin".into()];
    let options: &[_] = if options.stdin { &stdin } else { &[] };
    for tries in 1.. {
        let status = login::status(context, &entry, "login", options)?;
        if status.success() {
            break;
        }
        // Ctrl-C is no key that was mistyped.
        let signal =
            status.signal().or(status.code().and_then(|code| code.checked_sub(128))).filter(|signal| *signal > 0);
        if let Some(signal) = signal {
            return Err(Failure::Interrupted(Interrupted(signal)));
        }
        if !options.is_empty() || tries == TRIES {
            return Err(Error::config("no key was kept; nothing else was changed; run: claude-credential setup").into());
        }
        person.say("please try again, or press Ctrl-C");
    }
    Ok(())
}

/// What to do next, and that is done at once where it is ours and wanted.
fn finish(preset: &Preset, blanks: &Blanks, plan: &Plan, options: &Setup, person: &mut Person) {
    let written = [(plan.changes_config(), &plan.config), (plan.changes_settings(), &plan.settings)];
    for (_, target) in written.iter().filter(|(is_changed, _)| *is_changed) {
        person.say(&format!("written: {}", target.path.display()));
    }
    for next in &preset.next {
        let command = blanks.for_shell(next);
        if !next.starts_with("{us}") {
            person.say(&format!("if you are not signed in yet, run: {command}"));
        } else if person.is_there() && !options.yes && person.confirms("sign in now?", true).unwrap_or_default() {
            let status = run_attached(Command::new("/bin/sh").arg("-c").arg(format!("exec {command}")));
            if !status.is_ok_and(|status| status.success()) {
                person.say(&format!("to sign in later, run: {command}"));
            }
        } else {
            person.say(&format!("to sign in, run: {command}"));
        }
    }
    let us = blanks.for_shell("{us}");
    if preset.settings.api_key_helper.is_some() || !preset.writes_settings() {
        let profile = preset.profile().map(|name| format!(" --profile {name}")).unwrap_or_default();
        person.say(&format!("to try it, run: {us}{profile} explain"));
    }
}
