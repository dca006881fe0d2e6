//! `setup`: asks what Claude Code should use, shows the change to both files, and writes it; `--undo` restores them.

mod answers;
mod check;
mod client;
mod config;
mod diff;
mod discovery;
mod edited;
mod effects;
mod file;
mod mask;
mod placeholders;
mod plan;
mod preset;
mod prompt;
mod record;
mod sections;
mod settings;
mod undo;

use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use claude_credential_config::kept::{self, Kept};
use claude_credential_config::{Program, generation};
use claude_credential_process::{Interrupted, run_attached};
use claude_credential_protocol::{BaseUrl, Error};

use crate::chain::resolve;
use crate::cli::Setup;
use crate::commands::login;
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::screen::wants_colours;

use client::Destination;
use diff::{show_config, show_settings};
use discovery::Discovery;
use edited::{Change, Edited};
use file::{Edit, Target, is_text, settings_file};
use placeholders::{Placeholders, SettingChange};
use plan::Plan;
use preset::{Preset, PresetSettings};
use prompt::Prompt;
use record::Record;
use settings::SettingsDocument;

/// How often the user may mistype a key.
const TRIES: usize = 3;

pub(crate) fn run(context: &Context, options: &Setup) -> Result<u8, Failure> {
    if context.options.profile.is_some() || !context.options.chain.is_empty() {
        return Err(
            Error::config("setup chooses profile and chain by its preset; leave out --profile and --chain").into()
        );
    }
    let mut prompt = Prompt::new(context);
    if options.undo {
        return undo::run(context, options, &mut prompt);
    }
    let presets = Preset::all()?;
    let found = Discovery::look(context);
    let (preset, mut placeholders) = match &options.preset {
        Some(name) => {
            let preset =
                presets.iter().find(|preset| preset.name == *name).ok_or_else(|| answers::unknown(&presets))?;
            (preset, Placeholders::new(context, preset)?)
        }
        None if prompt.is_interactive() => answers::choose(context, &presets, &found, &mut prompt)?,
        None => return Err(answers::unknown(&presets).into()),
    };
    if options.stdin && !preset.stores_key {
        return Err(Error::config(format!("the preset {} stores no key; leave out --stdin", preset.name)).into());
    }
    answers::fill(context, preset, &mut placeholders, options, &mut prompt)?;
    let plan = Plan::new(context, preset, &placeholders, options)?;
    let destination = Destination::of_key(context, preset, &plan)?;
    let allowed = may_replace(&plan, options, &mut prompt)?;
    if !allowed {
        prompt.say("nothing was changed");
        return Ok(1);
    }
    let needs_key = needs_key(context, preset, &destination.host, options, &mut prompt)?;
    let changes_files = plan.settings.is_change() || plan.config.is_change();
    if !changes_files && !needs_key {
        prompt.say("everything is already set up this way");
        return Ok(0);
    }
    if changes_files {
        prompt.say("what changes:");
        let lines = effects::lines(context, preset, &found, &plan, &placeholders);
        for line in lines.iter().chain(&destination.warning) {
            prompt.say(&format!("- {line}"));
        }
        let shown = plan.shown(wants_colours(&context.environment, &io::stderr()));
        let _ = io::stderr().write_all(shown.as_bytes());
        plan.replaceable()?;
        if !prompt.agree("write this?", options.yes)? {
            prompt.say("nothing was changed");
            return Ok(1);
        }
    }
    if needs_key {
        store_key(context, &destination.host, options, &prompt)?;
    }
    if changes_files {
        let kept = plan.perform(context)?;
        generation::touch(&context.folders)?;
        finish(preset, &placeholders, &plan, options, &mut prompt);
        if let Some(kept) = kept {
            prompt.say(&format!("copies of the files as they were are in {}", kept.display()));
        }
        prompt.say(&format!("to undo this, run: {} setup --undo", placeholders.for_shell("{us}")));
    }
    Ok(0)
}

/// Whether settings that setup did not write may be replaced.
fn may_replace(plan: &Plan, options: &Setup, prompt: &mut Prompt) -> Result<bool, Error> {
    if plan.conflicts.is_empty() || options.replace {
        return Ok(true);
    }
    let file = plan.settings.target.path.display();
    let what = format!("{file}: `{}` already has another value", plan.conflicts.join("`, `"));
    if prompt.is_interactive() && !options.yes {
        prompt.say(&what);
        return prompt.confirm("replace it?", false);
    }
    Err(Error::config(format!("{what}; to replace it, add: --replace")))
}

/// Whether the user has to give a key.
fn needs_key(
    context: &Context,
    preset: &Preset,
    host: &BaseUrl,
    options: &Setup,
    prompt: &mut Prompt,
) -> Result<bool, Error> {
    if !preset.stores_key || options.stdin {
        return Ok(preset.stores_key);
    }
    let covers = |kept: &Kept| kept.base_url().is_ok_and(|of_key| of_key.contains(host));
    let is_kept = kept::list(&context.folders)?.iter().any(|kept| kept.username.is_none() && covers(kept));
    let host = host.as_listed();
    let is_set = context.environment.get_os("ANTHROPIC_API_KEY").is_some();
    match (is_kept, prompt.is_interactive() && !options.yes) {
        (true, true) => Ok(!prompt.confirm(&format!("a key for {host} is stored; use it?"), true)?),
        (true, false) => Ok(false),
        (false, _) if prompt.is_interactive() => Ok(true),
        (false, _) if is_set => Ok(false),
        (false, _) => Err(Error::config(format!("no key for {host} is stored; to give one on stdin, add: --stdin"))),
    }
}

/// Lets the api-key helper ask for the key, without echo, and store it.
fn store_key(context: &Context, host: &BaseUrl, options: &Setup, prompt: &Prompt) -> Result<(), Failure> {
    let profile = &context.config.profiles["default"];
    let mut entry =
        resolve("api-key", profile, context).ok_or_else(|| Error::broke("the built-in entry api-key is missing"))?;
    if let Program::Helper { args, .. } = &mut entry.definition.program {
        args.extend(["--host".to_owned(), host.as_listed()]);
    }
    let stdin = ["--stdin".into()];
    let options: &[_] = if options.stdin { &stdin } else { &[] };
    for tries in 1.. {
        let status = login::status(context, &entry, "login", options)?;
        if status.success() {
            break;
        }
        // After Ctrl-C, there is no other try.
        let signal =
            status.signal().or(status.code().and_then(|code| code.checked_sub(128))).filter(|signal| *signal > 0);
        if let Some(signal) = signal {
            return Err(Failure::Interrupted(Interrupted(signal)));
        }
        if !options.is_empty() || tries == TRIES {
            return Err(
                Error::config("no key was stored, and nothing was changed; run: claude-credential setup").into()
            );
        }
        prompt.say("please try again, or press Ctrl-C");
    }
    Ok(())
}

/// Tells the user what to do next, and offers to sign in at once.
fn finish(preset: &Preset, placeholders: &Placeholders, plan: &Plan, options: &Setup, prompt: &mut Prompt) {
    for edit in [&plan.config, &plan.settings].into_iter().filter(|edit| edit.is_change()) {
        prompt.say(&format!("written: {}", edit.target.path.display()));
    }
    for next in &preset.next {
        let command = placeholders.for_shell(next);
        if !next.starts_with("{us}") {
            prompt.say(&format!("if you are not signed in yet, run: {command}"));
        } else if prompt.is_interactive() && !options.yes && prompt.confirm("sign in now?", true).unwrap_or_default() {
            let status = run_attached(Command::new("/bin/sh").arg("-c").arg(format!("exec {command}")));
            if !status.is_ok_and(|status| status.success()) {
                prompt.say(&format!("to sign in later, run: {command}"));
            }
        } else {
            prompt.say(&format!("to sign in, run: {command}"));
        }
    }
    let us = placeholders.for_shell("{us}");
    if preset.settings.api_key_helper.is_some() || plan.wanted.is_empty() {
        let profile = preset.profile().map(|name| format!(" --profile {name}")).unwrap_or_default();
        prompt.say(&format!("to try it, run: {us}{profile} explain"));
    }
}
