//! Warnings about what Claude Code sends, and how it differs from what the chain gives.

use claude_credential_config::claude::{API_KEY_HELPER, SettingSource};

use super::{ClientReport, ClientSettings, Sent, SentSource, Trace, shown};
use crate::context::Context;

pub(crate) fn warnings(
    client: &ClientReport,
    settings: &ClientSettings<'_>,
    trace: Option<&Trace>,
    context: &Context,
) -> Vec<String> {
    let unreadable = settings.unreadable().map(|error| format!("{error}; what Claude Code makes of it is not known"));
    let mut warnings: Vec<String> = unreadable.collect();
    if let (Some(one), Some(other)) = (&client.authorization, &client.x_api_key)
        && one.source != other.source
        && let same = is_same_secret(one, other, trace, context)
        && same != Some(true)
    {
        let (first, second) = (one.source.name(), other.source.name());
        // The user set the helper up on purpose, so a variable is the one to remove.
        let left_over = if matches!(other.source, SentSource::Variable(_)) { other } else { one };
        warnings.push(format!(
            "{} in one request: Authorization has {first}, x-api-key has {second}; {}",
            if same.is_none() { "perhaps two different credentials" } else { "two different credentials" },
            removal(left_over)
        ));
    }
    let helper = settings.setting(API_KEY_HELPER);
    for name in ["forceLoginMethod", "forceLoginOrgUUID"] {
        if let (Some(place), Some(_)) = (settings.managed(name), &helper) {
            let place = shown(&place);
            warnings.push(format!(
                "{name} in {place}: Claude Code blocks an apiKeyHelper at start; ask your administrator"
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

/// Whether two headers hold the same secret; `None` if one of them is not known. If this program is the helper, its secret is known only from a lookup that
/// was traced for Claude Code.
fn is_same_secret(one: &Sent, other: &Sent, trace: Option<&Trace>, context: &Context) -> Option<bool> {
    let winner = trace.and_then(|trace| trace.outcome.as_ref().ok()).filter(|_| context.for_client);
    let secret = |sent: &Sent| match sent.source {
        SentSource::Command { setting: API_KEY_HELPER, is_us: true } => {
            winner.map(|winner| winner.credential.auth.secret().clone())
        }
        _ => sent.secret.clone(),
    };
    Some(secret(one)? == secret(other)?)
}

/// The command, or the edit, that removes the credential.
fn removal(sent: &Sent) -> String {
    match (&sent.place, sent.source) {
        (SettingSource::Environment, source) => format!("run: unset {}", source.name()),
        (place, SentSource::Variable(name)) => format!("remove env.{name} from {}", shown(place)),
        (place, source) => format!("remove {} from {}", source.name(), shown(place)),
    }
}

/// One line about what the client sends in place of, or beside, what the chain gives; `None` if they agree.
pub(crate) fn difference(client: &ClientReport, trace: Option<&Trace>) -> Option<String> {
    let winner = trace.and_then(|trace| trace.outcome.as_ref().ok());
    let sent = [&client.authorization, &client.x_api_key].into_iter().flatten();
    let (ours, others): (Vec<&Sent>, Vec<&Sent>) = sent.partition(|sent| sent.source.is_us());
    let asks_us = !ours.is_empty();
    let Some(winner) = winner else {
        // A cloud's own tools may find nothing, either: that is not known here.
        let first = others.first().filter(|sent| sent.source != SentSource::Cloud)?;
        return Some(format!("Claude Code sends {}; this chain gives nothing", short_name(first.source)));
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
    let name = short_name(differing.source);
    Some(if asks_us {
        format!("Claude Code asks this chain, which gives {entry}'s, and sends {name} besides")
    } else {
        format!("Claude Code sends {name}; this chain gives {entry}'s")
    })
}

/// The source's name in a sentence about Claude Code.
fn short_name(source: SentSource) -> &'static str {
    if source == SentSource::Login { "its own login" } else { source.name() }
}

impl SentSource {
    /// Whether the built-in entry `entry` gives the credential of this source.
    fn is_entry(self, entry: &str) -> bool {
        match self {
            Self::Command { setting: API_KEY_HELPER, .. } => entry == "api-key-helper",
            Self::Login => entry == "login",
            Self::Variable(name) => name == "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR" && entry == "oauth-fd",
            Self::Cloud | Self::Command { .. } => ["bedrock", "vertex"].contains(&entry),
        }
    }
}
