//! The presets: data, one file each, in `presets/`.

use std::collections::BTreeMap;

use claude_credential_protocol::Error;
use serde::Deserialize;
use toml_edit::DocumentMut;

use super::check::Check;
use crate::client::cloud::Cloud;

/// In the order in which setup lists them.
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

/// One way to set up a credential.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preset {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Where the vendor documents its command and its exit codes.
    #[cfg_attr(not(test), expect(dead_code, reason = "documentation, which a test demands"))]
    sources: Vec<String>,
    /// Commands that must be on PATH.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
    /// Whether setup stores an API key of the user.
    #[serde(default)]
    pub(crate) stores_key: bool,
    /// Commands that the user may have to run before or after.
    #[serde(default)]
    pub(crate) next: Vec<String>,
    /// What the user must know before setup writes.
    #[serde(default)]
    pub(crate) warn: Vec<String>,
    #[serde(default)]
    pub(crate) ask: Vec<Question>,
    /// What applies in addition if an optional question was answered, by its name.
    #[serde(default, rename = "with")]
    variants: BTreeMap<String, Variant>,
    /// The sections for `config.toml`, which `config` reads once more to keep their order.
    #[serde(default, rename = "config")]
    sections: toml::Table,
    #[serde(default)]
    pub(crate) settings: PresetSettings,
    #[serde(skip)]
    text: &'static str,
}

/// A question that a preset asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) prompt: String,
    pub(crate) example: String,
    pub(crate) default: Option<String>,
    /// A variable whose value, if set, is the default.
    pub(crate) variable: Option<String>,
    /// Whether the preset works without an answer.
    #[serde(default)]
    pub(crate) optional: bool,
    pub(crate) check: Check,
}

/// Sections that replace others, and the commands that they need.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    tools: Vec<String>,
    #[expect(dead_code, reason = "read a second time, in its order")]
    config: toml::Table,
}

/// What a preset writes into Claude Code's settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PresetSettings {
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

    /// The sections for `config.toml` with these answers, in the order of the preset, with placeholders.
    pub(crate) fn config(&self, is_answered: &dyn Fn(&str) -> bool) -> Result<toml_edit::Table, Error> {
        let broken = || Error::broke(format!("the preset {} is broken", self.name));
        let mut document: DocumentMut = self.text.parse().map_err(|_| broken())?;
        let mut config = document.remove("config").and_then(|item| item.into_table().ok()).unwrap_or_default();
        for name in self.variants.keys().filter(|name| is_answered(name)) {
            let sections = document["with"][name]["config"].as_table().ok_or_else(broken)?;
            for (kind, sections) in sections {
                for (section, item) in sections.as_table().into_iter().flatten() {
                    config[kind][section] = item.clone();
                }
            }
        }
        Ok(config)
    }

    /// The additional commands that these answers need.
    pub(crate) fn tools_with(&self, is_answered: &dyn Fn(&str) -> bool) -> impl Iterator<Item = &String> {
        self.variants.iter().filter(|(name, _)| is_answered(name)).flat_map(|(_, variant)| &variant.tools)
    }

    /// The cloud that Claude Code uses with this preset.
    pub(crate) fn cloud(&self) -> Option<Cloud> {
        let PresetSettings { aws_credential_export, gcp_auth_refresh, .. } = &self.settings;
        let bedrock = aws_credential_export.as_ref().map(|_| Cloud::Bedrock);
        bedrock.or(gcp_auth_refresh.as_ref().map(|_| Cloud::Vertex))
    }

    /// The profile that the preset writes. `None` if that is `default`.
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
                let variant = preset.variants.contains_key(&question.name);
                assert_eq!(variant, question.optional, "{}: {}", preset.name, question.name);
                question.check.value(&question.example).unwrap_or_else(|why| panic!("{}: {why}", preset.name));
            }
        }
    }

    #[test]
    fn commands_that_are_run_say_what_they_depend_on_and_which_exit_means_none() {
        for preset in Preset::all().unwrap() {
            for is_answered in [false, true] {
                let config = preset.config(&|_| is_answered).unwrap();
                let entries = config.get("entry").and_then(|entries| entries.as_table());
                for (name, entry) in entries.into_iter().flatten() {
                    for key in ["vary", "none_exit", "ttl"] {
                        assert!(entry.get(key).is_some(), "{name}: no {key}");
                    }
                }
            }
        }
    }
}
