//! Which preset, and what it asks.

use std::collections::BTreeMap;

use claude_credential_protocol::Error;

use super::blanks::Blanks;
use super::found::Found;
use super::person::Person;
use super::preset::Preset;
use crate::cli::setup::Setup;
use crate::context::Context;

pub(super) fn unknown(presets: &[Preset]) -> Error {
    let names: Vec<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
    Error::config(format!("name one of these with --preset: {}", names.join(", ")))
}

/// The preset that the person chooses, with the commands that it needs at hand.
pub(super) fn choose<'a>(
    context: &Context,
    presets: &'a [Preset],
    found: &Found,
    person: &mut Person,
) -> Result<(&'a Preset, Blanks), Error> {
    for line in found.lines(context) {
        person.say(&format!("found: {line}"));
    }
    person.say("what should Claude Code use?");
    let width = presets.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
    for (number, Preset { name, about, .. }) in (1..).zip(presets) {
        person.say(&format!("{number:>4}  {name:width$}  {about}"));
    }
    loop {
        let typed = person.asks("number or name", Some(found.suggests(context)))?;
        let Some(preset) = chosen(presets, &typed) else {
            person.say(&format!("please type a number from 1 to {}, or one of the names", presets.len()));
            continue;
        };
        match Blanks::new(context, preset) {
            Ok(blanks) => return Ok((preset, blanks)),
            Err(error) => person.say(&format!("{error}; or choose another one")),
        }
    }
}

/// By its number, its name, or a beginning that no other name has.
fn chosen<'a>(presets: &'a [Preset], typed: &str) -> Option<&'a Preset> {
    let number = typed.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let by_name = || presets.iter().find(|preset| preset.name == typed);
    let begun: Vec<&Preset> = presets.iter().filter(|preset| preset.name.starts_with(typed)).collect();
    number.and_then(|number| presets.get(number)).or_else(by_name).or(match begun[..] {
        [only] => Some(only),
        _ => None,
    })
}

/// What the preset has to know: by option, else asked, else as its default.
pub(super) fn fill(
    context: &Context,
    preset: &Preset,
    blanks: &mut Blanks,
    options: &Setup,
    person: &mut Person,
) -> Result<(), Error> {
    let mut given = BTreeMap::new();
    for pair in &options.set {
        let (name, value) = pair.split_once('=').ok_or_else(|| Error::config("--set is NAME=VALUE"))?;
        if preset.ask.iter().all(|question| question.name != name) {
            let names: Vec<&str> = preset.ask.iter().map(|question| question.name.as_str()).collect();
            let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            return Err(Error::config(format!("the preset {} asks {names}; mend the --set", preset.name)));
        }
        given.insert(name, value);
    }
    for question in &preset.ask {
        let name = &question.name;
        if let Some(value) = given.get(name.as_str()) {
            let value = question.check.value(value);
            let value =
                value.map_err(|why| Error::config(format!("--set {name}=: {why}, such as {}", question.example)))?;
            blanks.put(name, &value);
            continue;
        }
        let of_variable = question.variable.as_ref().and_then(|variable| context.environment.get(variable));
        let default =
            of_variable.map(str::to_owned).or_else(|| question.default.as_ref().map(|text| blanks.plain(text)));
        // A default of the user's own may be no answer.
        let default = default.and_then(|default| question.check.value(&default).ok());
        let asks = person.is_there() && !options.yes;
        let value = match default {
            Some(default) if !asks => Some(default),
            None if !asks && question.optional => None,
            None if !person.is_there() => {
                return Err(Error::config(format!(
                    "the {} is missing; add: --set {name}={}",
                    question.prompt, question.example
                )));
            }
            default => loop {
                let prompt = format!("{}, such as {}", question.prompt, question.example);
                let typed = person.asks(&prompt, default.as_deref())?;
                if typed.is_empty() && question.optional {
                    break None;
                }
                match question.check.value(&typed) {
                    Ok(value) => break Some(value),
                    Err(why) => person.say(why),
                }
            },
        };
        if let Some(value) = value {
            blanks.put(name, &value);
        }
    }
    let needed: Vec<&String> = preset.tools_with(&|name| blanks.has(name)).collect();
    blanks.find(context, preset, needed.into_iter())
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
