//! What is worth a warning, and where Claude Code's choice is not that of the chain.

use claude_credential_config::claude::{API_KEY_HELPER, SettingSource};

use super::client::{Client, Sent, Source};
use super::settings::Settings;
use super::trace::Trace;
use crate::context::Context;

pub(crate) fn warnings(
    client: &Client,
    settings: &Settings<'_>,
    trace: Option<&Trace>,
    context: &Context,
) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    for (_, error) in settings.unreadable() {
        warnings.push(format!("{error}; what Claude Code makes of it is not known"));
    }
    if let (Some(one), Some(other)) = (&client.authorization, &client.x_api_key)
        && one.source != other.source
        && !is_same_secret(one, other, trace, context)
    {
        let (first, second) = (one.source.name(), other.source.name());
        // A helper was set up on purpose; what is left over from before is a variable.
        let left_over = if matches!(other.source, Source::Variable(_)) { other } else { one };
        warnings.push(format!(
            "two different credentials in one request: Authorization has {first}, x-api-key has {second}; {}",
            taken_away(left_over)
        ));
    }
    let helper = settings.setting(API_KEY_HELPER);
    for name in ["forceLoginMethod", "forceLoginOrgUUID"] {
        if let (Some(place), Some(_)) = (settings.managed(name), &helper) {
            let place = shown(&place);
            warnings.push(format!(
                "{name} in {place}: Claude Code blocks an apiKeyHelper at start; ask who administers it"
            ));
        }
    }
    if helper.is_some() && client.login.is_some() && client.cloud.is_none() {
        warnings.push(
            "the owner of the helper's key pays, not the subscription of Claude Code's own login, and Remote Control, \
             /schedule and claude.ai's connectors are off; to go back, remove apiKeyHelper"
                .to_owned(),
        );
    }
    warnings
}

/// Two headers with one secret in them are one credential. What this program would say as the helper is known where its
/// chain was trace for the client.
fn is_same_secret(one: &Sent, other: &Sent, trace: Option<&Trace>, context: &Context) -> bool {
    let winner = trace.and_then(|trace| trace.winner.as_ref()).filter(|_| context.for_client);
    let secret = |sent: &Sent| match sent.source {
        Source::Helper { is_us: true } => winner.map(|winner| winner.credential.auth.secret().clone()),
        _ => sent.secret.clone(),
    };
    matches!((secret(one), secret(other)), (Some(one), Some(other)) if one == other)
}

/// The command, or the edit, that takes it away.
fn taken_away(sent: &Sent) -> String {
    match (&sent.place, sent.source) {
        (SettingSource::Environment, source) => format!("run: unset {}", source.name()),
        (place, Source::Variable(name)) => format!("remove env.{name} from {}", shown(place)),
        (place, source) => format!("remove {} from {}", source.name(), shown(place)),
    }
}

fn shown(place: &SettingSource) -> String {
    match place {
        SettingSource::Environment => "the environment".to_owned(),
        SettingSource::File(file) => file.display().to_string(),
        SettingSource::Line(file, line) => format!("{}:{line}", file.display()),
    }
}

/// In one line where the client sends something else than the chain gives; none where they agree.
pub(crate) fn difference(client: &Client, trace: Option<&Trace>) -> Option<String> {
    let winner = trace.and_then(|trace| trace.winner.as_ref());
    let sent = [&client.authorization, &client.x_api_key].into_iter().flatten();
    let others: Vec<&Sent> = sent.filter(|sent| !sent.source.is_us()).collect();
    let asks_us = [&client.authorization, &client.x_api_key].into_iter().flatten().any(|sent| sent.source.is_us());
    let Some(winner) = winner else {
        // What a cloud's own tools find is not known here, and may be nothing as well.
        let first = others.first().filter(|sent| sent.source != Source::Cloud)?;
        return Some(format!("Claude Code sends {}; this chain gives nothing", own_words(first.source)));
    };
    let entry = &winner.entry;
    if others.is_empty() {
        if asks_us {
            return None;
        }
        return Some(format!(
            "Claude Code has no credential and does not ask this chain, which gives {entry}'s; to have it asked, set \
             apiKeyHelper to: claude-credential api-key-helper"
        ));
    }
    let differing = others.iter().find(|sent| match &sent.secret {
        Some(secret) => secret != winner.credential.auth.secret(),
        None => !sent.source.is_entry(entry),
    })?;
    let name = own_words(differing.source);
    Some(if asks_us {
        format!("Claude Code asks this chain, which gives {entry}'s, and sends {name} besides")
    } else {
        format!("Claude Code sends {name}; this chain gives {entry}'s")
    })
}

/// Its name where Claude Code has been named already.
fn own_words(source: Source) -> &'static str {
    if source == Source::Login { "its own login" } else { source.name() }
}

impl Source {
    /// Whether the built-in entry of that name answers with the same.
    fn is_entry(self, entry: &str) -> bool {
        match self {
            Self::Helper { .. } => entry == "api-key-helper",
            Self::Login => entry == "login",
            Self::Variable(name) => name == "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR" && entry == "oauth-fd",
            Self::Cloud | Self::Export { .. } => ["bedrock", "vertex"].contains(&entry),
        }
    }
}
