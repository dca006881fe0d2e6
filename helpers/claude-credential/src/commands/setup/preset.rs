//! Presets: data, one file each, in `presets/`.

use std::collections::BTreeMap;

use claude_credential_protocol::Error;
use serde::Deserialize;
use toml_edit::DocumentMut;

use super::check::Check;

/// In the order in which they are offered.
const FILES: [&str; 15] = [
    include_str!("../../../presets/api-key.toml"),
    include_str!("../../../presets/oidc.toml"),
    include_str!("../../../presets/device.toml"),
    include_str!("../../../presets/vault.toml"),
    include_str!("../../../presets/1password.toml"),
    include_str!("../../../presets/aws-secrets-manager.toml"),
    include_str!("../../../presets/pass.toml"),
    include_str!("../../../presets/gcloud.toml"),
    include_str!("../../../presets/az.toml"),
    include_str!("../../../presets/cloudflared.toml"),
    include_str!("../../../presets/databricks.toml"),
    include_str!("../../../presets/bedrock-sso.toml"),
    include_str!("../../../presets/vertex-adc.toml"),
    include_str!("../../../presets/ant.toml"),
    include_str!("../../../presets/federation.toml"),
];

/// One way to set up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preset {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Where the vendor documents its command and how it exits: for those who mend a preset.
    #[cfg_attr(not(test), expect(dead_code, reason = "documentation, which a test demands"))]
    sources: Vec<String>,
    /// Commands that have to be on PATH.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
    /// The user's own API key is part of it.
    #[serde(default)]
    pub(crate) stores_key: bool,
    /// What the user may have to run before or after.
    #[serde(default)]
    pub(crate) next: Vec<String>,
    #[serde(default)]
    pub(crate) ask: Vec<Question>,
    /// What it adds to `config.toml`; its order is read a second time, by `config`.
    #[serde(default, rename = "config")]
    sections: toml::Table,
    #[serde(default)]
    pub(crate) settings: Settings,
    #[serde(skip)]
    text: &'static str,
}

/// Something that a preset has to know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) prompt: String,
    pub(crate) example: String,
    pub(crate) default: Option<String>,
    /// Its value is the default where it is set.
    pub(crate) variable: Option<String>,
    pub(crate) check: Check,
}

/// What it writes into Claude Code's settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Settings {
    pub(crate) api_key_helper: Option<String>,
    pub(crate) aws_credential_export: Option<String>,
    pub(crate) aws_auth_refresh: Option<String>,
    pub(crate) gcp_auth_refresh: Option<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
}

impl Preset {
    /// All of them.
    pub(crate) fn all() -> Result<Vec<Self>, Error> {
        FILES.into_iter().map(Self::parse).collect()
    }

    fn parse(text: &'static str) -> Result<Self, Error> {
        let preset: Self =
            toml::from_str(text).map_err(|error| Error::broke(format!("a preset is broken: {}", error.message())))?;
        Ok(Self { text, ..preset })
    }

    /// What it adds to `config.toml`, in its own order, with every blank to be filled.
    pub(crate) fn config(&self) -> Result<toml_edit::Table, Error> {
        let broken = |_| Error::broke(format!("the preset {} is broken", self.name));
        let mut document: DocumentMut = self.text.parse().map_err(broken)?;
        Ok(document.remove("config").and_then(|item| item.into_table().ok()).unwrap_or_default())
    }

    /// Whether Claude Code's requests go elsewhere from then on.
    pub(crate) fn writes_settings(&self) -> bool {
        let Settings { api_key_helper, aws_credential_export, aws_auth_refresh, gcp_auth_refresh, env } =
            &self.settings;
        let commands = [api_key_helper, aws_credential_export, aws_auth_refresh, gcp_auth_refresh];
        commands.iter().any(|command| command.is_some()) || !env.is_empty()
    }

    /// The profile that it writes, where that is one of its own.
    pub(crate) fn profile(&self) -> Option<&str> {
        let profiles = self.sections.get("profile")?.as_table()?;
        profiles.keys().map(String::as_str).find(|name| *name != "default")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FILES, Preset};

    #[test]
    fn every_preset_is_understood_and_named_once() {
        let presets = Preset::all().unwrap();
        let names: BTreeSet<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
        assert_eq!(names.len(), FILES.len());
        for preset in &presets {
            assert!(!preset.sources.is_empty(), "{}: without a source", preset.name);
            for question in &preset.ask {
                let blank = format!("{{{}", question.name);
                assert!(preset.text.contains(&blank), "{}: {} is asked for nothing", preset.name, question.name);
                question.check.value(&question.example).unwrap_or_else(|why| panic!("{}: {why}", preset.name));
            }
        }
    }

    #[test]
    fn commands_that_are_run_say_what_they_depend_on_and_which_exit_means_none() {
        for preset in Preset::all().unwrap() {
            let config = preset.config().unwrap();
            let entries = config.get("entry").and_then(|entries| entries.as_table());
            for (name, entry) in entries.into_iter().flatten() {
                for key in ["vary", "none_exit", "ttl"] {
                    assert!(entry.get(key).is_some(), "{name}: no {key}");
                }
            }
        }
    }
}
