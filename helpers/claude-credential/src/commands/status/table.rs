//! The overview for the user.

use claude_credential_protocol::{millis, text};

use super::{Overview, ProfileState, ProfileStatus};
use crate::terminal::screen::{Paint, Screen, span, until};

const HEADS: [&str; 6] = ["PROFILE", "ENTRY", "SOURCE", "ACCOUNT", "KEPT IN", "EXPIRES"];

/// One row a profile: what would answer, and for which hosts and directories the profile is used.
pub(super) fn text(overview: &Overview, mut screen: Screen) -> String {
    let rows: Vec<[String; 6]> = overview.profiles.iter().map(cells).collect();
    let heads = HEADS.map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&heads]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    // A column that is empty in every row is left out.
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
            ProfileState::Answers => ('✓', Paint::Good),
            ProfileState::Asked => ('○', Paint::Plain),
            ProfileState::Nothing => ('·', Paint::Dim),
            ProfileState::Problem => ('✗', Paint::Bad),
        };
        screen.row(mark, ("", 0), &joined(row, &used_by(status)), Paint::Plain);
        if let Some(problem) = &status.problem {
            screen.row((' ', Paint::Plain), ("", 0), problem, Paint::Plain);
        }
        if overview.is_short(status) {
            let min_ttl = span(overview.min_ttl.map_or(0, millis));
            screen.row((' ', Paint::Plain), ("", 0), &format!("it lives shorter than {min_ttl}"), Paint::Doubtful);
        }
    }
    screen.text
}

fn cells(status: &ProfileStatus) -> [String; 6] {
    let ProfileStatus { profile, entry, source, account, place, expires_at, .. } = status;
    let or_dash = |cell: Option<String>| cell.map_or("-".to_owned(), |cell| text::one_line(&cell));
    let expires = match (status.state, expires_at) {
        (_, Some(_)) => Some(until(*expires_at).replacen("expires ", "", 1)),
        (ProfileState::Answers, None) => Some("no expiry".to_owned()),
        (ProfileState::Asked, None) => Some("not asked yet".to_owned()),
        (ProfileState::Nothing | ProfileState::Problem, None) => None,
    };
    [
        profile.clone(),
        or_dash(entry.clone().or((status.state == ProfileState::Nothing).then(|| "nothing".to_owned()))),
        or_dash(source.clone()),
        or_dash(account.clone()),
        or_dash(place.map(str::to_owned)),
        or_dash(expires),
    ]
}

fn used_by(status: &ProfileStatus) -> String {
    let hosts = status.hosts.iter().cloned();
    let directories = status.directories.iter().map(|directory| text::shown_path(directory));
    let here = status.here.then(|| "here".to_owned());
    hosts.chain(directories).chain(here).collect::<Vec<_>>().join(", ")
}
