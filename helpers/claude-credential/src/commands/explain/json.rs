//! The explanation for programs, as `docs/schema/explain.json` describes it.

use std::time::Duration;

use claude_credential_config::claude::SettingSource;
use claude_credential_protocol::{Class, Credential, Error, iso_8601, now, text};
use serde_json::{Value, json};

use super::{CacheState, ClientReport, Explanation, Row, RowState, SecretHasher, Sent, Trace, TracedLookup};
use crate::chain::{AnswerOrigin, Resolved};
use crate::failure::Failure;

pub(super) fn text(explanation: &Explanation<'_>) -> String {
    let hasher = &explanation.hasher;
    let mut value = json!({
        "version": 1,
        "command": explanation.command(),
        "exit": explanation.exit_code(),
        "profile": null, "host": null, "account": null, "ttl": null, "cache": null, "entries": [], "winner": null,
        "error": null,
        "client": client_value(&explanation.client),
    });
    match &explanation.lookup {
        Err(error) => value["error"] = error_value(error),
        Ok(TracedLookup { query, profile_reason, host_reason, trace }) => {
            let Trace { cache, rows, outcome } = trace;
            let winner = outcome.as_ref().ok();
            value["profile"] = json!({ "name": query.profile.name, "because": profile_reason });
            value["host"] = json!({ "origin": query.request.origin(), "because": host_reason });
            value["account"] = json!(query.request.username);
            value["ttl"] = json!(winner.map(|Resolved { entry, credential, .. }| {
                // An answer that is kept until it is due for renewal has no number of seconds.
                let ttl = Some(query.ttl(entry, credential)).filter(|ttl| *ttl != Duration::MAX);
                let reason = query.ttl_reason(entry, explanation.context);
                json!({ "seconds": ttl.map(|ttl| ttl.as_secs()), "because": reason })
            }));
            value["cache"] = cache_value(cache);
            value["entries"] = rows.iter().map(|row| row_value(row, hasher)).collect();
            value["winner"] = json!(winner.map(|winner| {
                json!({
                    "entry": winner.entry,
                    "cached": winner.origin == AnswerOrigin::Cache,
                    "credential": credential_value(&winner.credential, hasher),
                })
            }));
            value["error"] = match outcome {
                Ok(_) | Err(Failure::Interrupted(_)) => Value::Null,
                Err(Failure::Error(error)) => error_value(error),
                Err(Failure::Entry(entry, error)) => {
                    let mut value = error_value(error);
                    value["entry"] = json!(entry);
                    value
                }
            };
        }
    }
    text::json(&format!("{value:#}\n"))
}

fn cache_value(state: &CacheState) -> Value {
    match state {
        CacheState::NotAsked(reason) => json!({ "state": "not-asked", "because": reason }),
        CacheState::Empty(None) => json!({ "state": "empty", "because": "nothing is kept for this query" }),
        CacheState::Empty(Some(entry)) => {
            json!({ "state": "empty", "because": "the answer was refused and erased", "entry": entry })
        }
        CacheState::Kept(cached, staleness) => json!({
            "state": if staleness.is_none() { "serves" } else { "does-not-serve" },
            "because": staleness.map(|staleness| staleness.to_string()),
            "entry": cached.entry,
            "age_ms": now().saturating_sub(cached.obtained),
            "expires_at": cached.credential.expires_at.map(iso_8601),
        }),
    }
}

fn row_value(row: &Row, hasher: &SecretHasher) -> Value {
    let Row { entry, mark, state, took } = row;
    let (outcome, reason, credential, error) = match state {
        RowState::Skipped(reason) => ("nothing-to-ask", Some(reason), None, None),
        RowState::NotAsked(reason) => ("not-asked", Some(reason), None, None),
        RowState::Nothing(reason) => ("nothing", Some(reason), None, None),
        RowState::Answer(credential) => ("answer", None, Some(credential_value(credential, hasher)), None),
        RowState::Failed(error) => ("failure", None, None, Some(error_value(error))),
    };
    let took = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    json!({
        "name": entry, "mark": mark, "said": outcome, "because": reason, "took_ms": took, "credential": credential,
        "error": error,
    })
}

/// Everything but the secret.
fn credential_value(credential: &Credential, hasher: &SecretHasher) -> Value {
    let identity = hasher.identity(credential.auth.secret());
    json!({
        "kind": credential.auth.kind().name(),
        "source": credential.source,
        "account": credential.account.as_ref().or(credential.username.as_ref()),
        "expires_at": credential.expires_at.map(iso_8601),
        "ephemeral": credential.ephemeral,
        "fingerprint": identity.fingerprint,
        "last4": identity.last4,
    })
}

fn error_value(error: &Error) -> Value {
    let class = match error.class() {
        Class::NotFound => "not-found",
        Class::Malformed => "malformed",
        Class::Broke => "broke",
        Class::Unavailable => "unavailable",
        Class::SignIn => "sign-in",
        Class::Config => "config",
    };
    json!({ "class": class, "exit": error.class().exit_code(), "message": error.to_string() })
}

fn client_value(client: &ClientReport) -> Value {
    let settings = client.settings.iter().map(|setting| {
        let mut value = place_value(&setting.place);
        value["scope"] = json!(setting.scope);
        value["name"] = json!(setting.name);
        value["note"] = json!(setting.note);
        value
    });
    json!({
        "cloud": client.cloud.as_ref().map(|(name, _)| name),
        "authorization": client.authorization.as_ref().map(sent_value),
        "x_api_key": client.x_api_key.as_ref().map(sent_value),
        "settings": settings.collect::<Vec<_>>(),
        "login": client.login.as_ref().map(|login| json!({
            "file": login.file.display().to_string(),
            "expires_at": login.expires_at.map(iso_8601),
            "subscription": login.subscription,
        })),
        "warnings": client.warnings,
        "unknown": client.unknown,
        "differs": client.differs,
    })
}

fn sent_value(sent: &Sent) -> Value {
    let mut value = place_value(&sent.place);
    value["source"] = json!(sent.source.name());
    value["is_us"] = json!(sent.source.is_us());
    value["fingerprint"] = json!(sent.identity.as_ref().map(|identity| &identity.fingerprint));
    value["last4"] = json!(sent.identity.as_ref().and_then(|identity| identity.last4.as_ref()));
    value
}

fn place_value(place: &SettingSource) -> Value {
    match place {
        SettingSource::Environment => json!({ "file": null, "line": null }),
        SettingSource::File(file) => json!({ "file": file.display().to_string(), "line": null }),
        SettingSource::Line(file, line) => json!({ "file": file.display().to_string(), "line": line }),
    }
}
