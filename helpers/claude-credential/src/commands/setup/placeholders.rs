//! The placeholders in a preset, such as `{name}`, and their values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use claude_credential_process::find_on_path;
use claude_credential_protocol::{BaseUrl, Error, text};
use toml_edit::{Item, Value};

use super::{Preset, PresetSettings};
use crate::context::Context;

/// The values of a preset's placeholders.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    values: BTreeMap<String, String>,
    /// Our own command line, quoted for a shell.
    us: String,
}

/// A Claude Code setting to write: its name, or `env` and the name of a variable, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingChange {
    pub(crate) path: Vec<String>,
    pub(crate) value: String,
}

impl Placeholders {
    /// With the path of this executable and of the commands that the preset runs.
    pub(crate) fn new(context: &Context, preset: &Preset) -> Result<Self, Error> {
        let mut us = text::quoted(&own_path(context)?);
        if let Some(config) = &context.options.config {
            let config = std::path::absolute(config).unwrap_or_else(|_| config.clone());
            us = format!("{us} --config {}", text::quoted(&utf8(&config)?));
        }
        let mut placeholders = Self { us, ..Self::default() };
        placeholders.find(context, preset, preset.tools.iter())?;
        Ok(placeholders)
    }

    /// Adds the paths of `tools`.
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
        // With its path, because another path may be another tenant's.
        if let Ok(host) = BaseUrl::of_url(value) {
            self.values.insert(format!("{name}.host"), host.as_listed());
        }
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// `text` with its placeholders filled, each quoted as one word for a shell.
    pub(crate) fn for_shell(&self, text: &str) -> String {
        self.fill(text, &text::quoted)
    }

    /// `text` with its placeholders filled, unquoted.
    pub(crate) fn plain(&self, text: &str) -> String {
        self.fill(text, &str::to_owned)
    }

    /// One pass: a placeholder in a value is not filled.
    fn fill(&self, mut text: &str, dress: &dyn Fn(&str) -> String) -> String {
        let mut filled = String::new();
        while let Some((before, rest)) = text.split_once('{') {
            filled.push_str(before);
            let name_and_rest = rest.split_once('}');
            if let Some((value, after)) =
                name_and_rest.and_then(|(name, after)| Some((self.value(name, dress)?, after)))
            {
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

    /// The settings of a preset with their placeholders filled.
    pub(crate) fn settings(&self, settings: &PresetSettings) -> Vec<SettingChange> {
        let PresetSettings { api_key_helper, aws_credential_export, aws_auth_refresh, gcp_auth_refresh, env } =
            settings;
        let commands = [
            ("apiKeyHelper", api_key_helper),
            ("awsCredentialExport", aws_credential_export),
            ("awsAuthRefresh", aws_auth_refresh),
            ("gcpAuthRefresh", gcp_auth_refresh),
        ];
        let commands = commands.into_iter().filter_map(|(name, command)| {
            Some(SettingChange { path: vec![name.to_owned()], value: self.for_shell(command.as_ref()?) })
        });
        let variables = env.iter().map(|(name, value)| SettingChange {
            path: vec!["env".to_owned(), name.clone()],
            value: self.plain(value),
        });
        commands.chain(variables).collect()
    }

    /// Fills the placeholders in what goes into `config.toml`.
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

/// The path of a command. `None` if it is not on PATH.
pub(crate) fn find(context: &Context, tool: &str) -> Option<PathBuf> {
    find_on_path(tool, context.environment.get_os("PATH").unwrap_or_default())
}

/// The path of this executable. If PATH has a link to it, the link: settings must survive an update that moves it.
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
        Error::config(format!(
            "{} can't be written to a settings file; move it to a path in UTF-8 without control characters",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::Placeholders;

    #[test]
    fn placeholders_are_filled_once_and_quoted_for_a_shell() {
        let mut placeholders = Placeholders::default();
        placeholders.put("entry", "it's {gateway}");
        placeholders.put("gateway", "https://a.example/v1");
        assert_eq!(
            placeholders.plain("{entry}|{gateway.host}|{unknown}|${x}"),
            "it's {gateway}|a.example/v1|{unknown}|${x}"
        );
        assert_eq!(placeholders.for_shell("pass show {entry}"), r"pass show 'it'\''s {gateway}'");
    }
}
