//! The explanation for the user.

use std::time::Duration;

use claude_credential_config::claude::{AWS_CREDENTIAL_EXPORT, StoredLogin};
use claude_credential_protocol::{Class, Credential, Error, millis, now, text};

use super::{
    CacheState, ClientReport, Explanation, Mark, Row, RowState, SecretIdentity, Sent, SentSource, Trace, TracedLookup,
    shown,
};
use crate::cache::Cached;
use crate::chain::{AnswerOrigin, Resolved};
use crate::failure::Failure;
use crate::terminal::screen::{Paint, Screen, span, until};

const NO_MARK: (char, Paint) = (' ', Paint::Plain);

pub(super) fn text(explanation: &Explanation<'_>, mut screen: Screen) -> String {
    match &explanation.lookup {
        Ok(lookup) => {
            query(&mut screen, explanation, lookup);
            screen.blank();
            entries(&mut screen, explanation, &lookup.trace);
        }
        Err(error) => {
            screen.title(explanation.command());
            screen.row(('✗', Paint::Bad), ("", 0), &exit_line(error), Paint::Plain);
        }
    }
    screen.blank();
    client(&mut screen, &explanation.client);
    screen.text
}

fn query(screen: &mut Screen, explanation: &Explanation<'_>, lookup: &TracedLookup) {
    let TracedLookup { query, profile_reason, host_reason, trace } = lookup;
    let account = query.request.username.as_ref().map(|name| format!(", account {}", text::one_line(name)));
    let origin = query.request.origin();
    screen.title(&format!("{} for {origin}{}", explanation.command(), account.unwrap_or_default()));
    let mut lines =
        vec![("profile", format!("{}, {profile_reason}", query.profile.name)), ("host", host_reason.clone())];
    if let Ok(Resolved { entry, credential, .. }) = &trace.outcome {
        let ttl = query.ttl(entry, credential);
        let reason = query.ttl_reason(entry, explanation.context);
        let reason = reason.map(|reason| format!(", {reason}")).unwrap_or_default();
        let ttl = match ttl {
            _ if credential.ephemeral => format!("no time, {entry} is asked each time"),
            Duration::MAX => "as long as it is good".to_owned(),
            ttl => format!("{}{reason}", span(millis(ttl))),
        };
        lines.push(("kept for", ttl));
    }
    lines.push(("cache", cache(&trace.cache)));
    for (label, text) in lines {
        screen.row(NO_MARK, (label, 8), &text, Paint::Dim);
    }
}

fn cache(state: &CacheState) -> String {
    match state {
        CacheState::NotAsked(reason) => format!("not looked at: {reason}"),
        CacheState::Empty(None) => "nothing is kept for this query".to_owned(),
        CacheState::Empty(Some(entry)) => {
            format!("the answer of {entry} was refused and erased; the next run tells {entry}")
        }
        CacheState::Kept(cached, None) => format!("{}, and serves", kept_answer(cached)),
        CacheState::Kept(cached, Some(staleness)) => {
            format!("{}, and does not serve: {staleness}", kept_answer(cached))
        }
    }
}

fn kept_answer(cached: &Cached) -> String {
    let age = span(now().saturating_sub(cached.obtained));
    format!("an answer of {}, {age} old, {}", cached.entry, until(cached.credential.expires_at))
}

fn entries(screen: &mut Screen, explanation: &Explanation<'_>, trace: &Trace) {
    let width = trace.rows.iter().map(|row| row.entry.chars().count()).max().unwrap_or(0);
    for row in &trace.rows {
        let mark = match row.mark {
            Mark::Wins => ('✓', Paint::Good),
            Mark::Stops => ('✗', Paint::Bad),
            Mark::Fails => ('!', Paint::Doubtful),
            Mark::Answers => ('○', Paint::Plain),
            Mark::Skipped => ('·', Paint::Dim),
        };
        let label = (row.entry.as_str(), width);
        let (line, paint) = outcome(row);
        let winner = trace.outcome.as_ref().ok().filter(|winner| winner.entry == row.entry);
        match winner.filter(|winner| winner.origin == AnswerOrigin::Cache) {
            // The kept answer, which is handed out, and then what the entry gave now, if it was asked.
            Some(winner) => {
                screen.row(mark, label, &format!("{}, kept", summary(&winner.credential)), Paint::Plain);
                identity(screen, explanation, width, &winner.credential, None);
                if !matches!(row.state, RowState::NotAsked(_)) {
                    screen.more(width, &format!("asked now: {line}"), Paint::Plain);
                }
            }
            None => screen.row(mark, label, &line, paint),
        }
        match &row.state {
            RowState::Answer(credential) => identity(screen, explanation, width, credential, row.took),
            RowState::Failed(error) => screen.more(width, &error.to_string(), Paint::Plain),
            RowState::Skipped(_) | RowState::NotAsked(_) | RowState::Nothing(_) => {}
        }
    }
    // The failure of an entry is in the entry's row.
    if let Err(Failure::Error(error)) = &trace.outcome {
        screen.blank();
        screen.row(('✗', Paint::Bad), ("", 0), &exit_line(error), Paint::Plain);
    }
}

/// The first line of an entry's row.
fn outcome(row: &Row) -> (String, Paint) {
    let took = duration(row.took);
    match &row.state {
        RowState::Skipped(reason) => (reason.clone(), Paint::Dim),
        RowState::NotAsked(reason) => (format!("not asked: {reason}"), Paint::Dim),
        RowState::Nothing(reason) => (format!("asked: {reason}{took}"), Paint::Dim),
        RowState::Answer(credential) => (summary(credential), Paint::Plain),
        RowState::Failed(error) => {
            let class = error.class();
            let end = if row.mark == Mark::Stops { ", which ends the search" } else { "" };
            (format!("exit {}, {}{took}{end}", class.exit_code(), class_name(class)), Paint::Plain)
        }
    }
}

fn duration(took: Option<Duration>) -> String {
    took.map(|took| format!(", {}", span(millis(took)))).unwrap_or_default()
}

fn summary(credential: &Credential) -> String {
    let source = credential.source.as_deref().unwrap_or("an unnamed source");
    let account = credential.account.as_ref().or(credential.username.as_ref());
    let account = account.map(|name| format!(", account {name}")).unwrap_or_default();
    format!("{} from {source}{account}, {}", credential.auth.kind(), until(credential.expires_at))
}

fn identity(
    screen: &mut Screen,
    explanation: &Explanation<'_>,
    width: usize,
    credential: &Credential,
    took: Option<Duration>,
) {
    let identity = explanation.hasher.identity(credential.auth.secret());
    screen.more(width, &format!("{}{}", identity_text(&identity), duration(took)), Paint::Dim);
}

fn identity_text(identity: &SecretIdentity) -> String {
    let end = identity.last4.as_ref().map(|last4| format!("…{last4}, "));
    format!("{}fingerprint {}", end.unwrap_or_default(), identity.fingerprint)
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::NotFound => "nothing there",
        Class::Malformed => "malformed",
        Class::Broke => "it broke",
        Class::Unavailable => "unavailable",
        Class::SignIn => "sign-in required",
        Class::Config => "configuration",
    }
}

/// The exit code and message of a lookup without an answer, without the reasons of the entries, which have their rows.
fn exit_line(error: &Error) -> String {
    let (text, class) = (error.to_string(), error.class());
    let text = match (text.split_once(" ("), text.rsplit_once("; ")) {
        (Some((problem, _)), Some((_, mend))) if text.contains("); ") => format!("{problem}; {mend}"),
        _ => text,
    };
    format!("exit {}: {text}", class.exit_code())
}

fn client(screen: &mut Screen, client: &ClientReport) {
    screen.title("Claude Code itself");
    if let Some((cloud, place)) = &client.cloud {
        let place = shown(place);
        screen.row(NO_MARK, ("cloud", 13), &format!("{cloud}, by {place}"), Paint::Plain);
    }
    for (header, sent) in [("Authorization", &client.authorization), ("x-api-key", &client.x_api_key)] {
        let (line, paint) = match sent {
            Some(sent) => (header_value(sent, header == "Authorization"), Paint::Plain),
            None => ("nothing".to_owned(), Paint::Dim),
        };
        screen.row(NO_MARK, (header, 13), &line, paint);
    }
    if let Some(StoredLogin { file, expires_at, subscription, .. }) = &client.login {
        let plan = subscription.as_ref().map(|plan| format!("{plan}, ")).unwrap_or_default();
        let line = format!("Claude Code's own, {plan}{}, {}", until(*expires_at), file.display());
        screen.row(NO_MARK, ("login", 13), &line, Paint::Dim);
    }
    if !client.settings.is_empty() {
        screen.blank();
    }
    let with_note = |name: &str, note: Option<&str>| note.map_or(name.to_owned(), |note| format!("{name}, {note}"));
    let lines: Vec<(&str, String, String)> = client
        .settings
        .iter()
        .map(|setting| (setting.scope, with_note(&setting.name, setting.note), shown(&setting.place)))
        .collect();
    let width = lines.iter().map(|(_, name, _)| name.chars().count()).max().unwrap_or(0);
    for (scope, name, place) in lines {
        let line = if scope == "environment" { name } else { format!("{name:width$}  {place}") };
        screen.row(NO_MARK, (scope, 13), &line, Paint::Dim);
    }
    if !client.warnings.is_empty() || client.differs.is_some() {
        screen.blank();
    }
    for warning in &client.warnings {
        screen.row(('!', Paint::Doubtful), ("", 0), warning, Paint::Plain);
    }
    if let Some(differs) = &client.differs {
        screen.row(('≠', Paint::Doubtful), ("", 0), differs, Paint::Plain);
    }
    screen.blank();
    for unknown in &client.unknown {
        screen.row(('?', Paint::Dim), ("", 0), unknown, Paint::Dim);
    }
}

/// What is in a header. `Authorization` has the word `Bearer`, unless the cloud's credentials sign the request instead.
fn header_value(sent: &Sent, is_authorization: bool) -> String {
    if sent.source == SentSource::Cloud {
        return "what the cloud's own tools find".to_owned();
    }
    let signs = matches!(sent.source, SentSource::Command { setting: AWS_CREDENTIAL_EXPORT, .. });
    let bearer = if is_authorization && !signs { "Bearer " } else { "" };
    let us = if sent.source.is_us() { " (this program)" } else { "" };
    let identity = sent.identity.as_ref().map(|identity| format!(", {}", identity_text(identity))).unwrap_or_default();
    format!("{bearer}{}{us}, {}{identity}", sent.source.name(), shown(&sent.place))
}
