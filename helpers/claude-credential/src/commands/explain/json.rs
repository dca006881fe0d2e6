//! The same for programs: `docs/schema/explain.json`.

use std::time::Duration;

use claude_credential_config::claude::Place;
use claude_credential_protocol::{Class, Credential, Error, iso_8601, now};
use serde_json::{Value, json};

use super::client::{Client, Sent};
use super::identity::Salted;
use super::walked::{CacheView, Mark, Row, Said, Walked, Winner};
use super::{Asked, Explanation};
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
        Ok(Asked { ask, profile_because, host_because, walked }) => {
            let Walked { cache, rows, winner, failure } = walked;
            value["profile"] = json!({ "name": ask.profile.name, "because": profile_because });
            value["host"] = json!({ "origin": ask.request.origin(), "because": host_because });
            value["account"] = json!(ask.request.username);
            value["ttl"] = json!(winner.as_ref().map(|Winner { entry, credential, .. }| {
                // What is kept as long as it is good has no number.
                let ttl = Some(ask.ttl(entry, credential)).filter(|ttl| *ttl != Duration::MAX);
                let because = ask.ttl_because(entry, explanation.context);
                json!({ "seconds": ttl.map(|ttl| ttl.as_secs()), "because": because })
            }));
            value["cache"] = kept(cache);
            value["entries"] = rows.iter().map(|row| said(row, salted)).collect();
            value["winner"] = json!(winner.as_ref().map(|winner| {
                json!({
                    "entry": winner.entry,
                    "cached": winner.cached,
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

fn kept(view: &CacheView) -> Value {
    match view {
        CacheView::NotAsked(why) => json!({ "state": "not-asked", "because": why }),
        CacheView::Empty(None) => json!({ "state": "empty", "because": "nothing is kept for this question" }),
        CacheView::Empty(Some(entry)) => {
            json!({ "state": "empty", "because": "the answer was refused and taken back", "entry": entry })
        }
        CacheView::Kept(cached, fault) => json!({
            "state": if fault.is_none() { "serves" } else { "does-not-serve" },
            "because": fault.map(|fault| fault.to_string()),
            "entry": cached.entry,
            "age_ms": now().saturating_sub(cached.obtained),
            "expires_at": cached.credential.expires_at.map(iso_8601),
        }),
    }
}

fn said(row: &Row, salted: &Salted) -> Value {
    let Row { entry, mark, said, took } = row;
    let mark = match mark {
        Mark::Wins => "wins",
        Mark::Skipped => "skipped",
        Mark::Stops => "stops",
        Mark::Fails => "fails",
        Mark::Answers => "answers",
    };
    let (said, because) = match said {
        Said::Skipped(why) => ("nothing-to-ask", json!(why)),
        Said::NotAsked(why) => ("not-asked", json!(why)),
        Said::Nothing(why) => ("nothing", json!(why)),
        Said::Answer(_) => ("answer", Value::Null),
        Said::Failed(_) => ("failure", Value::Null),
    };
    let mut value = json!({ "name": entry, "mark": mark, "said": said, "because": because });
    value["took_ms"] = json!(took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
    value["credential"] = match &row.said {
        Said::Answer(credential) => described(credential, salted),
        _ => Value::Null,
    };
    value["error"] = match &row.said {
        Said::Failed(error) => failed(error),
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

fn place(place: &Place) -> Value {
    match place {
        Place::Environment => json!({ "file": null, "line": null }),
        Place::File(file) => json!({ "file": file.display().to_string(), "line": null }),
        Place::Line(file, line) => json!({ "file": file.display().to_string(), "line": line }),
    }
}
