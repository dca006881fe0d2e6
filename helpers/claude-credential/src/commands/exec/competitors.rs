//! What Claude Code's settings set beside or over the credential that a command is given: settings win over variables, and
//! nobody but their owner can take them away. So each is named.

use std::ffi::OsStr;
use std::path::Path;

use claude_credential_config::claude::{self, Scope, SettingLine, SettingsFile};
use claude_credential_protocol::{Auth, CLOUD_SWITCHES, CUSTOM_HEADERS, Family, Surroundings, Variables, is_on};

use super::environment::Environment;
use super::setting_command::SettingCommand;
use crate::chain::entry::Resolved;

/// A region and a date choose neither a credential nor who pays.
const HARMLESS: [&str; 3] = ["AWS_CREDENTIAL_EXPIRATION", "AWS_REGION", "CLOUD_ML_REGION"];

/// Without the variable that they belong to, which is named, these do nothing.
const PARTS: [&str; 3] = ["ANTHROPIC_IDENTITY_TOKEN", "ANTHROPIC_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME"];

/// Commands that start no other and read no settings of the client's. Any other may be the client: a script, an editor or
/// a terminal may start it, and a program may hold it, as one of the Agent SDK does.
const NEVER_THE_CLIENT: [&str; 9] = ["aws", "curl", "gcloud", "http", "https", "jq", "printenv", "wget", "xh"];

/// Whether the command is Claude Code or may lead to it.
pub(super) fn may_be_the_client(word: &OsStr) -> bool {
    let name = Path::new(word).file_name().and_then(OsStr::to_str);
    !name.is_some_and(|name| NEVER_THE_CLIENT.contains(&name))
}

/// A line for each setting by which the client would send something else, too, or instead. `settings` has the file that
/// wins first.
pub(super) fn competitors(
    settings: &[SettingsFile],
    environment: &Environment,
    answer: Option<&Resolved>,
    around: &Surroundings,
    setting: &SettingCommand<'_>,
) -> Vec<String> {
    let family = environment.family;
    let found = Found { settings, family };
    let auth = answer.map(|answer| &answer.credential.auth);
    let mut lines = Vec::new();
    if helper_counts(family, auth, around.is_cloud_gateway) {
        let beside = family == Some(Family::Anthropic) && !around.is_cloud_gateway;
        let does = if beside { "sends what it prints beside" } else { "sends what it prints instead of" };
        lines.extend(
            found.setting(claude::API_KEY_HELPER, does, |file, command| setting.prints_other(file, command, answer)),
        );
    }
    if family == Some(Family::Aws) {
        let is_other = |file: &SettingsFile, command: &str| setting.exports_other(file, command, answer);
        lines.extend(found.setting(claude::AWS_CREDENTIAL_EXPORT, "signs with what it prints instead of", is_other));
    }
    let Variables { set, removed } = &environment.variables;
    for name in removed.iter().filter(|name| **name != CUSTOM_HEADERS && !PARTS.contains(name)) {
        let counts = |value: &str| if is_switch(name) { is_on(value) } else { !value.is_empty() };
        lines.extend(found.variable(name, counts));
    }
    for (name, ours) in set.iter().filter(|(name, _)| *name != CUSTOM_HEADERS && !HARMLESS.contains(name)) {
        let ours = ours.expose();
        lines.extend(found.variable(name, |theirs| if is_switch(name) { !is_on(theirs) } else { theirs != ours }));
    }
    // Whatever would have been changed in ours must not be in theirs.
    let suits = |theirs: &str| {
        let around = Surroundings { custom_headers: theirs.to_owned(), ..Surroundings::default() };
        let variables = match (family, answer) {
            (Some(family), Some(answer)) => Variables::of(family, &answer.credential, &around),
            _ => Ok(Variables::none(&around)),
        };
        variables.is_ok_and(|Variables { set, removed }| {
            !removed.contains(&CUSTOM_HEADERS) && set.iter().all(|(name, _)| *name != CUSTOM_HEADERS)
        })
    };
    lines.extend(found.variable(CUSTOM_HEADERS, |theirs| !suits(theirs)));
    lines
}

/// Whether the client sends what the helper prints: not to a cloud that has credentials of its own, and not where it has
/// a token for the one header of a cloud's gateway.
fn helper_counts(family: Option<Family>, auth: Option<&Auth>, is_cloud_gateway: bool) -> bool {
    match family {
        Some(Family::Aws | Family::BedrockKey | Family::Vertex) => false,
        Some(Family::Anthropic) => !(is_cloud_gateway && matches!(auth, Some(Auth::Bearer(_)))),
        Some(Family::OAuth) | None => true,
    }
}

struct Found<'a> {
    settings: &'a [SettingsFile],
    family: Option<Family>,
}

impl Found<'_> {
    fn setting(&self, name: &str, does: &str, is_other: impl Fn(&SettingsFile, &str) -> bool) -> Option<String> {
        let (file, line) = claude::deciding(self.settings, name)?;
        let command = line.value.as_ref()?.expose();
        (!command.trim().is_empty() && is_other(file, command)).then(|| self.said(file, line, does))
    }

    fn variable(&self, name: &str, counts: impl Fn(&str) -> bool) -> Option<String> {
        let (file, line) = claude::deciding(self.settings, &format!("env.{name}"))?;
        let value = line.value.as_ref()?.expose();
        let does = if is_switch(name) {
            "goes by it to another service than"
        } else if name.ends_with("_BASE_URL") {
            "goes by it to another host than"
        } else {
            "takes it beside or instead of"
        };
        (self.is_looked_at(name) && counts(value)).then(|| self.said(file, line, does))
    }

    /// Where the client is set up for a cloud, it looks at no key of Anthropic's.
    fn is_looked_at(&self, name: &str) -> bool {
        let of_cloud = || is_switch(name) || ["AWS_", "ANTHROPIC_VERTEX_"].iter().any(|it| name.starts_with(it));
        match self.family {
            Some(Family::Anthropic | Family::OAuth) | None => true,
            Some(Family::Aws | Family::BedrockKey) => of_cloud() || name == CUSTOM_HEADERS,
            Some(Family::Vertex) => of_cloud() || [CUSTOM_HEADERS, "ANTHROPIC_AUTH_TOKEN"].contains(&name),
        }
    }

    fn said(&self, file: &SettingsFile, line: &SettingLine, does: &str) -> String {
        let what = if self.family.is_some() { "the credential that it is given here" } else { "its own login" };
        let mend = if file.scope == Scope::Managed { "ask who administers it" } else { "remove the line" };
        format!("{}:{}: {}: Claude Code {does} {what}; {mend}", file.file.display(), line.number, line.name)
    }
}

fn is_switch(name: &str) -> bool {
    CLOUD_SWITCHES.iter().any(|(switch, skip)| [*switch, *skip].contains(&name))
}
