//! The settings and variables that decide what Claude Code sends, and where each is set.

use claude_credential_config::claude::{self, EffectiveSetting, Scope, SettingLine, SettingSource, SettingsFile};
use claude_credential_protocol::{Error, Secret};

use crate::context::Context;

/// The settings that decide which credential Claude Code sends, or whether it may send one.
const SETTINGS: [&str; 6] = [
    claude::API_KEY_HELPER,
    claude::AWS_CREDENTIAL_EXPORT,
    claude::AWS_AUTH_REFRESH,
    claude::GCP_AUTH_REFRESH,
    "forceLoginMethod",
    "forceLoginOrgUUID",
];

/// The variables that do, in the environment or in the settings.
const VARIABLES: [&str; 29] = [
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_CUSTOM_HEADERS",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
    "AWS_BEARER_TOKEN_BEDROCK",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
    "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH",
    "CLAUDE_CODE_SKIP_MANTLE_AUTH",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_FOUNDRY_BASE_URL",
    "ANTHROPIC_FOUNDRY_RESOURCE",
    "ANTHROPIC_AWS_BASE_URL",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "CLAUDE_CONFIG_DIR",
];

/// The settings and variables of a Claude Code that is started here.
pub(crate) struct ClientSettings<'a> {
    context: &'a Context,
    files: Vec<SettingsFile>,
}

/// A setting or variable in the list for the user.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) scope: &'static str,
    pub(crate) name: String,
    pub(crate) place: SettingSource,
    pub(crate) note: Option<&'static str>,
}

impl<'a> ClientSettings<'a> {
    pub(crate) fn here(context: &'a Context) -> Self {
        let folder = std::env::current_dir().unwrap_or_else(|_| context.folders.home.clone());
        Self { context, files: claude::scopes(&folder, &context.folders) }
    }

    /// The effective setting of that name.
    pub(crate) fn setting(&self, name: &str) -> Option<EffectiveSetting> {
        claude::setting(&self.files, name)
    }

    /// The effective variable of that name.
    pub(crate) fn variable(&self, name: &str) -> Option<EffectiveSetting> {
        claude::variable(&self.files, &self.context.environment, name)
    }

    /// The variable of that name, if it is on.
    pub(crate) fn switch(&self, name: &str) -> Option<EffectiveSetting> {
        claude::switch(&self.files, &self.context.environment, name)
    }

    fn lines(&self) -> impl Iterator<Item = (&SettingsFile, &SettingLine)> {
        let readable = self.files.iter().filter_map(|file| Some((file, file.sets.as_ref().ok()?)));
        readable.flat_map(|(file, lines)| lines.iter().map(move |line| (file, line)))
    }

    /// Where the administrator sets the setting of that name.
    pub(crate) fn managed(&self, name: &str) -> Option<SettingSource> {
        let mut managed = self.files.iter().filter(|file| file.scope == Scope::Managed);
        managed.find_map(|file| Some(SettingSource::Line(file.file.clone(), file.get(name)?.number)))
    }

    /// Why settings files can't be parsed.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = &Error> {
        self.files.iter().filter_map(|file| file.sets.as_ref().err())
    }

    /// Everything that is set about credentials, what wins first, with a note on what is overridden.
    pub(crate) fn list(&self) -> Vec<Setting> {
        let mut list: Vec<Setting> = Vec::new();
        for (file, line) in self.lines() {
            let variable = line.name.strip_prefix("env.");
            let is_listed = variable.map_or(SETTINGS.contains(&line.name.as_str()), |name| VARIABLES.contains(&name));
            if is_listed {
                let place = SettingSource::Line(file.file.clone(), line.number);
                let note = note(&list, &line.name, line.value.as_ref());
                list.push(Setting { scope: file.scope.name(), name: line.name.clone(), place, note });
            }
        }
        for name in VARIABLES {
            let is_empty = self.context.environment.is_set_but_empty(name);
            if is_empty || self.context.environment.get_os(name).is_some() {
                let is_overridden = list.iter().any(|setting| setting.name.strip_prefix("env.") == Some(name));
                let note = if is_overridden { Some("overridden") } else { is_empty.then_some("set but empty") };
                let name = name.to_owned();
                list.push(Setting { scope: "environment", name, place: SettingSource::Environment, note });
            }
        }
        list
    }
}

/// `place` as a message names it.
pub(super) fn shown(place: &SettingSource) -> String {
    match place {
        SettingSource::Environment => "the environment".to_owned(),
        SettingSource::File(file) => file.display().to_string(),
        SettingSource::Line(file, line) => format!("{}:{line}", file.display()),
    }
}

fn note(before: &[Setting], name: &str, value: Option<&Secret>) -> Option<&'static str> {
    let text = value.map(|value| value.expose().trim());
    if before.iter().any(|setting| setting.name == name && setting.place != SettingSource::Environment) {
        Some("overridden")
    } else if text.is_some_and(str::is_empty) {
        Some("set but empty")
    } else if name == claude::API_KEY_HELPER && text.is_some_and(claude::leads_to_us) {
        Some("this program")
    } else {
        None
    }
}
