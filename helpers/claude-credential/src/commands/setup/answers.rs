//! Chooses a preset and collects the answers that it needs.

use std::collections::BTreeMap;

use claude_credential_protocol::Error;

use super::{Discovery, Placeholders, Preset, Prompt};
use crate::cli::Setup;
use crate::context::Context;

pub(super) fn unknown(presets: &[Preset]) -> Error {
    let names: Vec<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
    Error::config(format!("choose a preset with --preset: {}", names.join(", ")))
}

/// Asks the user for a preset, and finds the commands that it runs.
pub(super) fn choose<'a>(
    context: &Context,
    presets: &'a [Preset],
    found: &Discovery,
    prompt: &mut Prompt,
) -> Result<(&'a Preset, Placeholders), Error> {
    for line in found.lines(context) {
        prompt.say(&format!("found: {line}"));
    }
    prompt.say("what should Claude Code use?");
    let width = presets.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
    for (number, Preset { name, about, .. }) in (1..).zip(presets) {
        prompt.say(&format!("{number:>4}  {name:width$}  {about}"));
    }
    loop {
        let typed = prompt.ask("number or name", Some(found.suggests(context)))?;
        let Some(preset) = chosen(presets, &typed) else {
            prompt.say(&format!("please enter a number from 1 to {}, or a name", presets.len()));
            continue;
        };
        match Placeholders::new(context, preset) {
            Ok(placeholders) => return Ok((preset, placeholders)),
            Err(error) => prompt.say(&format!("{error}; or choose another one")),
        }
    }
}

/// Finds a preset by its number, its name, or an unambiguous prefix of its name.
fn chosen<'a>(presets: &'a [Preset], typed: &str) -> Option<&'a Preset> {
    let number = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let by_name = || presets.iter().find(|preset| preset.name == typed);
    let by_prefix: Vec<&Preset> = presets.iter().filter(|preset| preset.name.starts_with(typed)).collect();
    number.and_then(|number| presets.get(number)).or_else(by_name).or(match by_prefix[..] {
        [only] => Some(only),
        _ => None,
    })
}

/// Collects the answers to a preset's questions: from `--set`, from the user, or the default.
pub(super) fn fill(
    context: &Context,
    preset: &Preset,
    placeholders: &mut Placeholders,
    options: &Setup,
    prompt: &mut Prompt,
) -> Result<(), Error> {
    let mut given = BTreeMap::new();
    for pair in &options.set {
        let (name, value) = pair.split_once('=').ok_or_else(|| Error::config("--set is NAME=VALUE"))?;
        if preset.ask.iter().all(|question| question.name != name) {
            let names: Vec<&str> = preset.ask.iter().map(|question| question.name.as_str()).collect();
            let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            return Err(Error::config(format!("the preset {} asks {names}; correct the option --set", preset.name)));
        }
        given.insert(name, value);
    }
    for question in &preset.ask {
        let name = &question.name;
        if let Some(value) = given.get(name.as_str()) {
            let value = question.check.value(value);
            let value =
                value.map_err(|why| Error::config(format!("--set {name}=: {why}, such as {}", question.example)))?;
            placeholders.put(name, &value);
            continue;
        }
        let of_variable =
            question.variable.as_ref().map(|variable| context.environment.get(variable)).transpose()?.flatten();
        let default =
            of_variable.map(str::to_owned).or_else(|| question.default.as_ref().map(|text| placeholders.plain(text)));
        // The value of the user's variable may be no valid answer.
        let default = default.and_then(|default| question.check.value(&default).ok());
        let asks = prompt.is_interactive() && !options.yes;
        let value = match default {
            Some(default) if !asks => Some(default),
            None if !asks && question.optional => None,
            None if !prompt.is_interactive() => {
                return Err(Error::config(format!(
                    "the {} is missing; add: --set {name}={}",
                    question.prompt, question.example
                )));
            }
            default => loop {
                let question_text = format!("{}, such as {}", question.prompt, question.example);
                let typed = prompt.ask(&question_text, default.as_deref())?;
                if typed.is_empty() && question.optional {
                    break None;
                }
                match question.check.value(&typed) {
                    Ok(value) => break Some(value),
                    Err(why) => prompt.say(why),
                }
            },
        };
        if let Some(value) = value {
            placeholders.put(name, &value);
        }
    }
    let needed: Vec<&String> = preset.tools_with(&|name| placeholders.has(name)).collect();
    placeholders.find(context, preset, needed.into_iter())
}

#[cfg(test)]
mod tests {
    use super::chosen;
    use crate::commands::setup::preset::Preset;

    #[test]
    fn a_preset_is_chosen_by_number_name_or_beginning() {
        let presets = Preset::all().unwrap();
        let name = |typed: &str| chosen(&presets, typed).map(|preset| preset.name.as_str());
        assert_eq!((name("1"), name("vault"), name("bedrock")), (Some("api-key"), Some("vault"), Some("bedrock-sso")));
        for unclear in ["0", "16", "a", "", "gateway", "Vault"] {
            assert_eq!(name(unclear), None, "{unclear}");
        }
    }
}
