use claude_credential_config::{claude, kept};

use super::{CheckContext, Finding, or_good};
use crate::chain::{Availability, ResolvedEntry};

const API_KEY: &str = "ANTHROPIC_API_KEY";
const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

/// Claude Code fills two headers independently: `Authorization` from the token's variable, else from the helper;
/// `x-api-key` from the key's variable, else from the helper. So one request can carry two credentials, of which the
/// server may take the one that the user did not mean.
pub(in super::super) fn one_in_a_request(check_context: &CheckContext) -> Vec<Finding> {
    if let Some(cloud) = check_context.context.client_mode.sends_credentials_of() {
        return vec![Finding::good(format!(
            "Claude Code is set up for {}, and sends its credentials alone",
            cloud.name()
        ))];
    }
    let [key, token] = [API_KEY, AUTH_TOKEN].map(|name| check_context.variable(name).map(|variable| variable.place));
    let helper = check_context.helper().map(|(_, command)| command);
    let mut found = Vec::new();
    if let (Some(key), Some(_)) = (&key, &token) {
        found.push(Finding::wrong(
            format!("Claude Code sends {AUTH_TOKEN} as Authorization and {API_KEY} as x-api-key: two credentials"),
            key.removal(API_KEY),
        ));
    } else {
        for (name, place, header, helper_header) in
            [(API_KEY, key, "x-api-key", "Authorization"), (AUTH_TOKEN, token, "Authorization", "x-api-key")]
        {
            let (Some(place), Some(helper)) = (place, helper) else { continue };
            let mend = place.removal(name);
            let is_ours = claude::leads_to_us(helper);
            found.push(if is_ours && prints_variable(check_context, name) {
                let message =
                    format!("{name} is set, and what the helper prints is the same: Claude Code sends it twice");
                Finding::doubtful(message, if has_another(check_context, name) { mend } else { keep_first(name, &mend) })
            } else {
                // What another command prints is not known: it may be the same key.
                let same = if is_ours { "" } else { ", unless both are the same" };
                let message = format!(
                    "Claude Code sends {name} as {header} and the helper's key as {helper_header}: two credentials{same}"
                );
                Finding::wrong(message, mend)
            });
        }
    }
    or_good(found, || "Claude Code sends one credential".to_owned())
}

/// Whether the chain has anything to ask once the variable `name` is gone.
fn has_another(check_context: &CheckContext, name: &str) -> bool {
    let is_of_variable = |entry: &ResolvedEntry| entry.built_in && entry.name() == entry_of(name);
    let kept = name == API_KEY && kept::is_any(&check_context.context.folders).unwrap_or(false);
    kept || check_context.entries().iter().any(|entry| entry.is_live() && !is_of_variable(entry))
}

/// Takes the variable away once the key has another place: it may be the only one.
fn keep_first(name: &str, removal: &str) -> String {
    if name == API_KEY {
        format!("keep the key first, run: claude-credential login api-key; then {removal}")
    } else {
        "keep the variable alone: remove apiKeyHelper from your settings".to_owned()
    }
}

/// The built-in entry that answers from the variable `name`.
fn entry_of(name: &str) -> &'static str {
    if name == API_KEY { "api-key" } else { "auth-token" }
}

/// Whether the first entry that a lookup asks answers from the variable `name`.
fn prints_variable(check_context: &CheckContext, name: &str) -> bool {
    let entries = check_context.entries();
    let first = entries.iter().find(|entry| entry.is_live());
    let built_in = entry_of(name);
    let answers = |entry: &ResolvedEntry| {
        entry.built_in && entry.name() == built_in && matches!(entry.availability, Availability::Variable)
    };
    first.is_some_and(answers) && check_context.context.environment.get_os(name).is_some()
}
