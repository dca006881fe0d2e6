//! The blanks in a preset, `{name}`, and what is filled into them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use claude_credential_process::find_on_path;
use claude_credential_protocol::{Error, text};
use toml_edit::{Item, Value};

use super::check;
use super::preset::{Preset, Settings};
use crate::context::Context;

/// What stands where.
#[derive(Debug, Default)]
pub(crate) struct Blanks {
    values: BTreeMap<String, String>,
    /// Our own command line, already as a shell needs it.
    us: String,
}

/// One setting of Claude Code's: its name, or `env` and the variable's, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) path: Vec<String>,
    pub(crate) value: String,
}

impl Blanks {
    /// With our own path and those of the vendor's commands.
    pub(crate) fn new(context: &Context, preset: &Preset) -> Result<Self, Error> {
        let mut us = text::quoted(&own_path(context)?);
        if let Some(config) = &context.options.config {
            let config = std::path::absolute(config).unwrap_or_else(|_| config.clone());
            us = format!("{us} --config {}", text::quoted(&utf8(&config)?));
        }
        let mut blanks = Self { us, ..Self::default() };
        blanks.find(context, preset, preset.tools.iter())?;
        Ok(blanks)
    }

    /// With the paths of these commands.
    pub(crate) fn find<'a>(
        &mut self,
        context: &Context,
        preset: &Preset,
        tools: impl Iterator<Item = &'a String>,
    ) -> Result<(), Error> {
        for tool in tools {
            let path = find(context, tool).ok_or_else(|| {
                Error::config(format!(
                    "{tool} is not on PATH; install it, then run: claude-credential setup --preset {}",
                    preset.name
                ))
            })?;
            self.values.insert(format!("bin:{tool}"), utf8(&path)?);
        }
        Ok(())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(crate) fn put(&mut self, name: &str, value: &str) {
        if let Some(host) = check::host(value) {
            self.values.insert(format!("{name}.host"), host);
        }
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// `text` with its blanks filled, each one word for a shell.
    pub(crate) fn for_shell(&self, text: &str) -> String {
        self.fill(text, &text::quoted)
    }

    /// `text` with its blanks filled, as they are.
    pub(crate) fn plain(&self, text: &str) -> String {
        self.fill(text, &str::to_owned)
    }

    /// In one pass: what was filled in is not looked at again.
    fn fill(&self, mut text: &str, dress: &dyn Fn(&str) -> String) -> String {
        let mut filled = String::new();
        while let Some((before, rest)) = text.split_once('{') {
            filled.push_str(before);
            let blank = rest.split_once('}');
            if let Some((value, after)) = blank.and_then(|(name, after)| Some((self.value(name, dress)?, after))) {
                filled.push_str(&value);
                text = after;
            } else {
                filled.push('{');
                text = rest;
            }
        }
        filled + text
    }

    fn value(&self, name: &str, dress: &dyn Fn(&str) -> String) -> Option<String> {
        if name == "us" { Some(self.us.clone()) } else { self.values.get(name).map(|value| dress(value)) }
    }

    /// The settings of a preset, filled.
    pub(crate) fn settings(&self, settings: &Settings) -> Vec<Wanted> {
        let Settings { api_key_helper, aws_credential_export, aws_auth_refresh, gcp_auth_refresh, env } = settings;
        let commands = [
            ("apiKeyHelper", api_key_helper),
            ("awsCredentialExport", aws_credential_export),
            ("awsAuthRefresh", aws_auth_refresh),
            ("gcpAuthRefresh", gcp_auth_refresh),
        ];
        let commands = commands.into_iter().filter_map(|(name, command)| {
            Some(Wanted { path: vec![name.to_owned()], value: self.for_shell(command.as_ref()?) })
        });
        let variables = env
            .iter()
            .map(|(name, value)| Wanted { path: vec!["env".to_owned(), name.clone()], value: self.plain(value) });
        commands.chain(variables).collect()
    }

    /// The same for what goes into `config.toml`.
    pub(crate) fn config(&self, table: &mut toml_edit::Table) {
        for (key, item) in table.iter_mut() {
            match item {
                Item::Table(table) => self.config(table),
                Item::Value(value) => {
                    let is_for_shell = key.get() == "shell";
                    self.fill_value(value, is_for_shell);
                }
                Item::None | Item::ArrayOfTables(_) => {}
            }
        }
    }

    fn fill_value(&self, value: &mut Value, is_for_shell: bool) {
        match value {
            Value::String(text) => {
                let text = text.value();
                *value = if is_for_shell { self.for_shell(text) } else { self.plain(text) }.into();
            }
            Value::Array(array) => {
                let filled = array.iter().enumerate().map(|(at, value)| {
                    let mut value = value.clone();
                    self.fill_value(&mut value, is_for_shell);
                    value.decorated(if at == 0 { "" } else { " " }, "")
                });
                *value = Value::Array(filled.collect());
            }
            _ => {}
        }
    }
}

/// The command on PATH.
pub(crate) fn find(context: &Context, tool: &str) -> Option<PathBuf> {
    find_on_path(tool, context.environment.get_os("PATH").unwrap_or_default())
}

/// Where we are, as the user would name it: an update that moves a link must not leave the settings behind.
fn own_path(context: &Context) -> Result<String, Error> {
    let own = std::env::current_exe()
        .map_err(|error| Error::broke(format!("the path of claude-credential can't be found: {error}")))?;
    let real = |path: &Path| path.canonicalize().ok();
    let on_path = find(context, "claude-credential").filter(|found| real(found) == real(&own));
    utf8(&on_path.unwrap_or(own))
}

fn utf8(path: &Path) -> Result<String, Error> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    text.map(str::to_owned).ok_or_else(|| {
        Error::config(format!("{} can't stand in a settings file; move it to a path of plain letters", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::Blanks;

    #[test]
    fn blanks_are_filled_once_and_quoted_for_a_shell() {
        let mut blanks = Blanks::default();
        blanks.put("entry", "it's {gateway}");
        blanks.put("gateway", "https://a.example/v1");
        assert_eq!(blanks.plain("{entry}|{gateway.host}|{unknown}|${x}"), "it's {gateway}|a.example|{unknown}|${x}");
        assert_eq!(blanks.for_shell("pass show {entry}"), r"pass show 'it'\''s {gateway}'");
    }
}
