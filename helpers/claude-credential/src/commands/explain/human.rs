use std::time::Duration;

use claude_credential_config::claude::{SettingSource, StoredLogin};
use claude_credential_protocol::{Class, Credential, Error, now, text};

use super::client::{Client, Sent, Source};
use super::explanation::{Explanation, Question};
use super::identity::Identity;
use super::trace::{CacheState, Mark, Row, RowState, Trace};
use crate::cache::Cached;
use crate::chain::entry::{AnswerOrigin, Resolved};
use crate::failure::Failure;
use crate::terminal::screen::{Paint, Screen, span, until};
use claude_credential_protocol::millis;

const NO_MARK: (char, Paint) = (' ', Paint::Plain);

pub(super) fn text(explanation: &Explanation<'_>, mut screen: Screen) -> String {
    match &explanation.asked {
        Ok(asked) => {
            question(&mut screen, explanation, asked);
            screen.blank();
            entries(&mut screen, explanation, &asked.trace);
        }
        Err(error) => {
            screen.title(explanation.command());
            screen.row(('✗', Paint::Bad), ("", 0), &ended(error), Paint::Plain);
        }
    }
    screen.blank();
    client(&mut screen, &explanation.client);
    screen.text
}

fn question(screen: &mut Screen, explanation: &Explanation<'_>, asked: &Question) {
    let Question { query, profile_reason, host_reason, trace } = asked;
    let account = query.request.username.as_ref().map(|name| format!(", account {}", text::one_line(name)));
    let origin = query.request.origin();
    screen.title(&format!("{} for {origin}{}", explanation.command(), account.unwrap_or_default()));
    let mut lines =
        vec![("profile", format!("{}, {profile_reason}", query.profile.name)), ("host", host_reason.clone())];
    if let Some(Resolved { entry, credential, .. }) = &trace.winner {
        let ttl = query.ttl(entry, credential);
        let because = query.ttl_reason(entry, explanation.context).map(|who| format!(", {who}")).unwrap_or_default();
        let ttl = match ttl {
            _ if credential.ephemeral => format!("no time, {entry} is asked each time"),
            Duration::MAX => "as long as it is good".to_owned(),
            ttl => format!("{}{because}", span(millis(ttl))),
        };
        lines.push(("kept for", ttl));
    }
    lines.push(("cache", cache(&trace.cache)));
    for (label, text) in lines {
        screen.row(NO_MARK, (label, 8), &text, Paint::Dim);
    }
}

fn cache(view: &CacheState) -> String {
    match view {
        CacheState::NotAsked(why) => format!("not looked at: {why}"),
        CacheState::Empty(None) => "nothing is kept for this question".to_owned(),
        CacheState::Empty(Some(entry)) => {
            format!("the answer of {entry} was refused and taken back; the next run tells {entry}")
        }
        CacheState::Kept(cached, None) => format!("{}, and serves", kept(cached)),
        CacheState::Kept(cached, Some(fault)) => format!("{}, and does not serve: {fault}", kept(cached)),
    }
}

fn kept(cached: &Cached) -> String {
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
        let (line, paint) = said(row);
        let winner = trace.winner.as_ref().filter(|winner| winner.entry == row.entry);
        match winner.filter(|winner| winner.origin == AnswerOrigin::Cache) {
            // What is handed out first, and then what it said now, if it was asked.
            Some(winner) => {
                screen.row(mark, label, &format!("{}, kept", described(&winner.credential)), Paint::Plain);
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
    // The failure of an entry stands at the entry.
    if let Some(Failure::Error(error)) = &trace.failure {
        screen.blank();
        screen.row(('✗', Paint::Bad), ("", 0), &ended(error), Paint::Plain);
    }
}

/// What an entry said, in its first line.
fn said(row: &Row) -> (String, Paint) {
    let took = row.took.map(|took| format!(", {}", span(millis(took)))).unwrap_or_default();
    match &row.state {
        RowState::Skipped(why) => (why.clone(), Paint::Dim),
        RowState::NotAsked(why) => (format!("not asked: {why}"), Paint::Dim),
        RowState::Nothing(why) => (format!("asked: {why}{took}"), Paint::Dim),
        RowState::Answer(credential) => (described(credential), Paint::Plain),
        RowState::Failed(error) => {
            let class = error.class();
            let goes_on = if row.mark == Mark::Stops { ", which ends the search" } else { "" };
            (format!("exit {}, {}{took}{goes_on}", class.exit_code(), named(class)), Paint::Plain)
        }
    }
}

fn described(credential: &Credential) -> String {
    let source = credential.source.as_deref().unwrap_or("an unnamed source");
    let whose = credential.account.as_ref().or(credential.username.as_ref());
    let whose = whose.map(|name| format!(", account {name}")).unwrap_or_default();
    format!("{} from {source}{whose}, {}", credential.auth.kind(), until(credential.expires_at))
}

fn identity(
    screen: &mut Screen,
    explanation: &Explanation<'_>,
    width: usize,
    credential: &Credential,
    took: Option<Duration>,
) {
    let took = took.map(|took| format!(", {}", span(millis(took)))).unwrap_or_default();
    let identity = explanation.salted.of(credential.auth.secret());
    screen.more(width, &format!("{}{took}", shown(&identity)), Paint::Dim);
}

fn shown(identity: &Identity) -> String {
    let end = identity.last4.as_ref().map(|last4| format!("…{last4}, "));
    format!("{}fingerprint {}", end.unwrap_or_default(), identity.fingerprint)
}

pub(super) fn named(class: Class) -> &'static str {
    match class {
        Class::NotFound => "nothing there",
        Class::Malformed => "malformed",
        Class::Broke => "it broke",
        Class::Unavailable => "unavailable",
        Class::SignIn => "sign-in required",
        Class::Config => "configuration",
    }
}

/// The end without an answer. What each entry said stands above and is left out here.
fn ended(error: &Error) -> String {
    let (text, class) = (error.to_string(), error.class());
    let text = match (text.split_once(" ("), text.rsplit_once("; ")) {
        (Some((what, _)), Some((_, mends))) if text.contains("); ") => format!("{what}; {mends}"),
        _ => text,
    };
    format!("exit {}: {text}", class.exit_code())
}

fn client(screen: &mut Screen, client: &Client) {
    screen.title("Claude Code itself");
    if let Some((cloud, place)) = &client.cloud {
        let place = at(place);
        screen.row(NO_MARK, ("cloud", 13), &format!("{cloud}, by {place}"), Paint::Plain);
    }
    for (header, sent) in [("Authorization", &client.authorization), ("x-api-key", &client.x_api_key)] {
        let (line, paint) = match sent {
            Some(sent) => (sends(sent, header == "Authorization"), Paint::Plain),
            None => ("nothing".to_owned(), Paint::Dim),
        };
        screen.row(NO_MARK, (header, 13), &line, paint);
    }
    if let Some(StoredLogin { file, expires_at, subscription }) = &client.login {
        let plan = subscription.as_ref().map(|plan| format!("{plan}, ")).unwrap_or_default();
        let line = format!("Claude Code's own, {plan}{}, {}", until(*expires_at), file.display());
        screen.row(NO_MARK, ("login", 13), &line, Paint::Dim);
    }
    if !client.settings.is_empty() {
        screen.blank();
    }
    let named = |note: Option<&str>, name: &str| note.map_or(name.to_owned(), |note| format!("{name}, {note}"));
    let lines: Vec<(&str, String, String)> = client
        .settings
        .iter()
        .map(|setting| (setting.scope, named(setting.note, &setting.name), at(&setting.place)))
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
}

/// `Bearer` belongs to the header, whatever is in it.
fn sends(sent: &Sent, is_bearer: bool) -> String {
    let bearer =
        if is_bearer && !matches!(sent.source, Source::Cloud | Source::Export { .. }) { "Bearer " } else { "" };
    let us = if sent.source.is_us() { " (this program)" } else { "" };
    let place = match (&sent.source, &sent.place) {
        (Source::Cloud, _) => return "what the cloud's own tools find".to_owned(),
        (_, SettingSource::Environment) => "the environment".to_owned(),
        (_, place) => at(place),
    };
    let identity = sent.identity.as_ref().map(|identity| format!(", {}", shown(identity))).unwrap_or_default();
    format!("{bearer}{}{us}, {place}{identity}", sent.source.name())
}

fn at(place: &SettingSource) -> String {
    match place {
        SettingSource::Environment => "the environment".to_owned(),
        SettingSource::File(file) => file.display().to_string(),
        SettingSource::Line(file, line) => format!("{}:{line}", file.display()),
    }
}
