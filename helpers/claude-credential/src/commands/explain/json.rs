//! The same for programs: `docs/schema/explain.json`.

use std::time::Duration;

use claude_credential_config::claude::SettingSource;
use claude_credential_protocol::{Class, Credential, Error, iso_8601, now};
use serde_json::{Value, json};

use super::client::{Client, Sent};
use super::explanation::{Explanation, Question};
use super::identity::Salted;
use super::trace::{CacheState, Mark, Row, RowState, Trace};
use crate::chain::entry::{AnswerOrigin, Resolved};
use crate::failure::Failure;

pub(super) fn text(explanation: &Explanation<'_>) -> String {
    let salted = &explanation.salted;
    let mut value = json!({
        "version": 1,
        "command": explanation.command(),
        "exit": explanation.exit_code(),
        "profile": null, "host": null, "account": null, "ttl": null, "cache": null, "entries": [], "winner": null,
        "error": null,
        "client": client(&explanation.client),
    });
    match &explanation.asked {
        Err(error) => value["error"] = failed(error),
        Ok(Question { query, profile_reason, host_reason, trace }) => {
            let Trace { cache, rows, winner, failure } = trace;
            value["profile"] = json!({ "name": query.profile.name, "because": profile_reason });
            value["host"] = json!({ "origin": query.request.origin(), "because": host_reason });
            value["account"] = json!(query.request.username);
            value["ttl"] = json!(winner.as_ref().map(|Resolved { entry, credential, .. }| {
                // What is kept as long as it is good has no number.
                let ttl = Some(query.ttl(entry, credential)).filter(|ttl| *ttl != Duration::MAX);
                let because = query.ttl_reason(entry, explanation.context);
                json!({ "seconds": ttl.map(|ttl| ttl.as_secs()), "because": because })
            }));
            value["cache"] = kept(cache);
            value["entries"] = rows.iter().map(|row| said(row, salted)).collect();
            value["winner"] = json!(winner.as_ref().map(|winner| {
                json!({
                    "entry": winner.entry,
                    "cached": winner.origin == AnswerOrigin::Cache,
                    "credential": described(&winner.credential, salted),
                })
            }));
            value["error"] = match failure {
                None | Some(Failure::Interrupted(_)) => Value::Null,
                Some(Failure::Error(error)) => failed(error),
                Some(Failure::Entry(entry, error)) => {
                    let mut failed = failed(error);
                    failed["entry"] = json!(entry);
                    failed
                }
            };
        }
    }
    format!("{value:#}\n")
}

fn kept(view: &CacheState) -> Value {
    match view {
        CacheState::NotAsked(why) => json!({ "state": "not-asked", "because": why }),
        CacheState::Empty(None) => json!({ "state": "empty", "because": "nothing is kept for this question" }),
        CacheState::Empty(Some(entry)) => {
            json!({ "state": "empty", "because": "the answer was refused and taken back", "entry": entry })
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

fn said(row: &Row, salted: &Salted) -> Value {
    let Row { entry, mark, state, took } = row;
    let mark = match mark {
        Mark::Wins => "wins",
        Mark::Skipped => "skipped",
        Mark::Stops => "stops",
        Mark::Fails => "fails",
        Mark::Answers => "answers",
    };
    let (said, because) = match state {
        RowState::Skipped(why) => ("nothing-to-ask", json!(why)),
        RowState::NotAsked(why) => ("not-asked", json!(why)),
        RowState::Nothing(why) => ("nothing", json!(why)),
        RowState::Answer(_) => ("answer", Value::Null),
        RowState::Failed(_) => ("failure", Value::Null),
    };
    let mut value = json!({ "name": entry, "mark": mark, "said": said, "because": because });
    value["took_ms"] = json!(took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
    value["credential"] = match &row.state {
        RowState::Answer(credential) => described(credential, salted),
        _ => Value::Null,
    };
    value["error"] = match &row.state {
        RowState::Failed(error) => failed(error),
        _ => Value::Null,
    };
    value
}

/// Everything but the secret.
fn described(credential: &Credential, salted: &Salted) -> Value {
    let identity = salted.of(credential.auth.secret());
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

fn failed(error: &Error) -> Value {
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

fn client(client: &Client) -> Value {
    let settings = client.settings.iter().map(|setting| {
        let mut value = place(&setting.place);
        value["scope"] = json!(setting.scope);
        value["name"] = json!(setting.name);
        value["note"] = json!(setting.note);
        value
    });
    json!({
        "cloud": client.cloud.as_ref().map(|(name, _)| name),
        "authorization": client.authorization.as_ref().map(sent),
        "x_api_key": client.x_api_key.as_ref().map(sent),
        "settings": settings.collect::<Vec<_>>(),
        "login": client.login.as_ref().map(|login| json!({
            "file": login.file.display().to_string(),
            "expires_at": login.expires_at.map(iso_8601),
            "subscription": login.subscription,
        })),
        "warnings": client.warnings,
        "differs": client.differs,
    })
}

fn sent(sent: &Sent) -> Value {
    let mut value = place(&sent.place);
    value["source"] = json!(sent.source.name());
    value["is_us"] = json!(sent.source.is_us());
    value["fingerprint"] = json!(sent.identity.as_ref().map(|identity| &identity.fingerprint));
    value["last4"] = json!(sent.identity.as_ref().and_then(|identity| identity.last4.as_ref()));
    value
}

fn place(place: &SettingSource) -> Value {
    match place {
        SettingSource::Environment => json!({ "file": null, "line": null }),
        SettingSource::File(file) => json!({ "file": file.display().to_string(), "line": null }),
        SettingSource::Line(file, line) => json!({ "file": file.display().to_string(), "line": line }),
    }
}
