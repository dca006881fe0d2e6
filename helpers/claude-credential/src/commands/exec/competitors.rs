//! What Claude Code's settings set beside or over the credential that a command is given. Settings win over variables, and
//! only their owner may remove them, so `exec` warns of each.

use std::ffi::OsStr;
use std::path::Path;

use claude_credential_config::claude::{self, Scope, SettingLine, SettingsFile};
use claude_credential_protocol::{Auth, CLOUD_SWITCHES, CUSTOM_HEADERS, Family, Surroundings, Variables, is_on};

use super::{CommandEnvironment, SettingCommand};
use crate::chain::Resolved;

/// Variables that choose neither a credential nor who pays.
const HARMLESS: [&str; 3] = ["AWS_CREDENTIAL_EXPIRATION", "AWS_REGION", "CLOUD_ML_REGION"];

/// Variables that do nothing without another one, for which there is a warning already.
const PARTS: [&str; 3] = ["ANTHROPIC_IDENTITY_TOKEN", "ANTHROPIC_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME"];

/// Commands that neither start Claude Code nor read its settings. Any other may do so: a script, an editor or a terminal
/// may start it, and a program of the Agent SDK contains it.
const NEVER_THE_CLIENT: [&str; 9] = ["aws", "curl", "gcloud", "http", "https", "jq", "printenv", "wget", "xh"];

/// Whether the command may be Claude Code, or may start it.
pub(super) fn may_be_client(word: &OsStr) -> bool {
    let name = Path::new(word).file_name().and_then(OsStr::to_str);
    !name.is_some_and(|name| NEVER_THE_CLIENT.contains(&name))
}

/// A warning for each setting that makes Claude Code send something else beside or instead of the credential. The first
/// of `settings` is the file that wins.
pub(super) fn competitors(
    settings: &[SettingsFile],
    environment: &CommandEnvironment,
    answer: Option<&Resolved>,
    surroundings: &Surroundings,
    setting: &SettingCommand<'_>,
) -> Vec<String> {
    let family = environment.family;
    let competition = Competition { settings, family };
    let auth = answer.map(|answer| &answer.credential.auth);
    let mut warnings = Vec::new();
    if sends_helper_output(family, auth, surroundings.is_cloud_gateway) {
        let is_beside = family == Some(Family::Anthropic) && !surroundings.is_cloud_gateway;
        let effect = if is_beside { "sends what it prints beside" } else { "sends what it prints instead of" };
        let is_other = |file: &SettingsFile, command: &str| setting.prints_other(file, command, answer);
        warnings.extend(competition.setting(claude::API_KEY_HELPER, effect, is_other));
    }
    if family == Some(Family::Aws) {
        let is_other = |file: &SettingsFile, command: &str| setting.exports_other(file, command, answer);
        let effect = "signs with what it prints instead of";
        warnings.extend(competition.setting(claude::AWS_CREDENTIAL_EXPORT, effect, is_other));
    }
    let Variables { set, removed } = &environment.variables;
    for name in removed.iter().filter(|name| **name != CUSTOM_HEADERS && !PARTS.contains(name)) {
        let counts = |value: &str| if is_switch(name) { is_on(value) } else { !value.is_empty() };
        warnings.extend(competition.variable(name, counts));
    }
    for (name, given) in set.iter().filter(|(name, _)| *name != CUSTOM_HEADERS && !HARMLESS.contains(name)) {
        let given = given.expose();
        let differs = |value: &str| if is_switch(name) { !is_on(value) } else { value != given };
        warnings.extend(competition.variable(name, differs));
    }
    // Headers that would be removed from the command's environment compete if the settings have them.
    let is_compatible = |headers: &str| {
        let surroundings = Surroundings { custom_headers: headers.to_owned(), ..Surroundings::default() };
        let variables = match (family, answer) {
            (Some(family), Some(answer)) => Variables::of(family, &answer.credential, &surroundings),
            _ => Ok(Variables::none(&surroundings)),
        };
        variables.is_ok_and(|Variables { set, removed }| {
            !removed.contains(&CUSTOM_HEADERS) && set.iter().all(|(name, _)| *name != CUSTOM_HEADERS)
        })
    };
    warnings.extend(competition.variable(CUSTOM_HEADERS, |headers| !is_compatible(headers)));
    warnings
}

/// Whether the client sends what its helper prints: it does not if it has a cloud's own credentials, or a token for the
/// only header that goes to a cloud's gateway.
fn sends_helper_output(family: Option<Family>, auth: Option<&Auth>, is_cloud_gateway: bool) -> bool {
    match family {
        Some(Family::Aws | Family::BedrockKey | Family::Vertex) => false,
        Some(Family::Anthropic) => !(is_cloud_gateway && matches!(auth, Some(Auth::Bearer(_)))),
        Some(Family::OAuth) | None => true,
    }
}

/// The settings, beside a credential of a family.
struct Competition<'a> {
    settings: &'a [SettingsFile],
    family: Option<Family>,
}

impl Competition<'_> {
    fn setting(&self, name: &str, effect: &str, is_other: impl Fn(&SettingsFile, &str) -> bool) -> Option<String> {
        let (file, line) = claude::deciding(self.settings, name)?;
        let command = line.value.as_ref()?.expose();
        (!command.trim().is_empty() && is_other(file, command)).then(|| self.warning(file, line, effect))
    }

    fn variable(&self, name: &str, counts: impl Fn(&str) -> bool) -> Option<String> {
        let (file, line) = claude::deciding(self.settings, &format!("env.{name}"))?;
        let value = line.value.as_ref()?.expose();
        let effect = if is_switch(name) {
            "goes by it to another service than"
        } else if name.ends_with("_BASE_URL") {
            "goes by it to another host than"
        } else {
            "takes it beside or instead of"
        };
        (self.is_read(name) && counts(value)).then(|| self.warning(file, line, effect))
    }

    /// Whether the client reads the variable: if it is set up for a cloud, it reads none of Anthropic's keys.
    fn is_read(&self, name: &str) -> bool {
        let of_cloud =
            || is_switch(name) || ["AWS_", "ANTHROPIC_VERTEX_"].iter().any(|prefix| name.starts_with(prefix));
        match self.family {
            Some(Family::Anthropic | Family::OAuth) | None => true,
            Some(Family::Aws | Family::BedrockKey) => of_cloud() || name == CUSTOM_HEADERS,
            Some(Family::Vertex) => of_cloud() || [CUSTOM_HEADERS, "ANTHROPIC_AUTH_TOKEN"].contains(&name),
        }
    }

    fn warning(&self, file: &SettingsFile, line: &SettingLine, effect: &str) -> String {
        let what = if self.family.is_some() { "the credential that it is given here" } else { "its own login" };
        let mend = if file.scope == Scope::Managed { "ask your administrator" } else { "remove the line" };
        format!("{}:{}: {}: Claude Code {effect} {what}; {mend}", file.file.display(), line.number, line.name)
    }
}

fn is_switch(name: &str) -> bool {
    CLOUD_SWITCHES.iter().any(|(switch, skip)| [*switch, *skip].contains(&name))
}
