use claude_credential_protocol::{iso_8601, text};
use serde_json::json;

use super::overview::Overview;
use super::profile_status::{ProfileStatus, State};
use crate::terminal::screen::{Paint, Screen, span, until};
use claude_credential_protocol::millis;

const HEADS: [&str; 6] = ["PROFILE", "ENTRY", "SOURCE", "ACCOUNT", "KEPT IN", "EXPIRES"];

/// A status a profile: what would answer, and who uses it.
pub(super) fn text(overview: &Overview, mut screen: Screen) -> String {
    let rows: Vec<[String; 6]> = overview.profiles.iter().map(cells).collect();
    let heads = HEADS.map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&heads]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    // Of a column that is empty everywhere nobody wants the head.
    let columns: Vec<(usize, usize)> = (0..HEADS.len())
        .filter(|column| rows.iter().any(|row| row[*column] != "-"))
        .map(|column| (column, width(column)))
        .collect();
    let joined = |row: &[String; 6], last: &str| {
        let cells = columns.iter().map(|(column, width)| format!("{:width$}", row[*column]));
        cells.chain([last.to_owned()]).collect::<Vec<_>>().join("  ")
    };
    screen.row((' ', Paint::Plain), ("", 0), &joined(&heads, "USED BY"), Paint::Dim);
    for (status, row) in overview.profiles.iter().zip(&rows) {
        let mark = match status.state {
            _ if overview.is_short(status) => ('!', Paint::Doubtful),
            State::Answers => ('✓', Paint::Good),
            State::Asked => ('○', Paint::Plain),
            State::Nothing => ('·', Paint::Dim),
            State::Problem => ('✗', Paint::Bad),
        };
        screen.row(mark, ("", 0), &joined(row, &used_by(status)), Paint::Plain);
        if let Some(problem) = &status.problem {
            screen.row((' ', Paint::Plain), ("", 0), problem, Paint::Plain);
        }
        if overview.is_short(status) {
            let wanted = span(overview.min_ttl.map_or(0, millis));
            screen.row((' ', Paint::Plain), ("", 0), &format!("it lives shorter than {wanted}"), Paint::Doubtful);
        }
    }
    screen.text
}

fn cells(status: &ProfileStatus) -> [String; 6] {
    let ProfileStatus { profile, entry, source, account, place, expires_at, .. } = status;
    let or_dash = |cell: Option<String>| cell.map_or("-".to_owned(), |cell| text::one_line(&cell));
    let expires = match (status.state, expires_at) {
        (_, Some(_)) => Some(until(*expires_at).replacen("expires ", "", 1)),
        (State::Answers, None) => Some("no expiry".to_owned()),
        (State::Asked, None) => Some("not asked yet".to_owned()),
        (State::Nothing | State::Problem, None) => None,
    };
    [
        profile.clone(),
        or_dash(entry.clone().or((status.state == State::Nothing).then(|| "nothing".to_owned()))),
        or_dash(source.clone()),
        or_dash(account.clone()),
        or_dash(place.map(str::to_owned)),
        or_dash(expires),
    ]
}

fn used_by(status: &ProfileStatus) -> String {
    let hosts = status.hosts.iter().cloned();
    let directories = status.directories.iter().map(|directory| directory.display().to_string());
    let here = status.here.then(|| "here".to_owned());
    hosts.chain(directories).chain(here).collect::<Vec<_>>().join(", ")
}

/// The same for programs: `docs/schema/status.json`.
pub(super) fn json(overview: &Overview) -> String {
    let profiles = overview.profiles.iter().map(|status| {
        let state = match status.state {
            State::Answers => "answers",
            State::Asked => "asked",
            State::Nothing => "nothing",
            State::Problem => "problem",
        };
        json!({
            "profile": status.profile,
            "here": status.here,
            "state": state,
            "entry": status.entry,
            "source": status.source,
            "account": status.account,
            "kept_in": status.place,
            "expires_at": status.expires_at.map(iso_8601),
            "lives_too_short": overview.is_short(status),
            "hosts": status.hosts,
            "directories": status.directories.iter().map(|it| it.display().to_string()).collect::<Vec<_>>(),
            "problem": status.problem,
        })
    });
    let value = json!({
        "version": 1,
        "exit": overview.exit_code(),
        "min_ttl_seconds": overview.min_ttl.map(|wanted| wanted.as_secs()),
        "profiles": profiles.collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}
