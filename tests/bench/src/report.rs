//! The figures as people read them.

use std::io::{self, Write};

use crate::budgets::{AHEAD, Against, BUDGETS, Budget};
use crate::measure::Measured;
use crate::subject::Group;

pub(crate) fn find<'a>(results: &'a [Measured], id: &str) -> Option<&'a Measured> {
    results.iter().find(|row| row.id == id)
}

const GROUPS: [Group; 7] =
    [Group::Reference, Group::Warm, Group::Cold, Group::Helper, Group::Peer, Group::Growth, Group::Crowd];

pub(crate) fn table(out: &mut impl Write, results: &[Measured], missing: &[(&'static str, String)]) -> io::Result<()> {
    writeln!(out, "{:<44} {:>9} {:>8} {:>9} {:>9}", "", "ms", "CPU ms", "x cat", "x empty")?;
    for group in GROUPS {
        writeln!(out, "{}", group.title())?;
        for row in results.iter().filter(|row| row.group == group) {
            let cpu = row.cpu_millis().map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.2}"));
            let against = |id: &str| {
                let other = find(results, id);
                other.map_or_else(|| "-".to_owned(), |other| format!("{:.2}", row.against(other)))
            };
            // A crowd is compared with a crowd.
            let (cat, empty) = if group == Group::Crowd { ("crowd-cat", "") } else { ("cat", "empty") };
            let (cat, empty) = (against(cat), against(empty));
            writeln!(out, "  {:<42} {:>9.3} {cpu:>8} {cat:>9} {empty:>9}", row.name, row.millis())?;
        }
        for (name, reason) in missing.iter().filter(|_| group == Group::Peer) {
            writeln!(out, "  {name:<42} not measured: {reason}")?;
        }
    }
    Ok(())
}

pub(crate) fn budgets(out: &mut impl Write, results: &[Measured]) -> io::Result<()> {
    writeln!(out, "\n{:<80} {:>8} {:>8}", "budgets", "found", "at most")?;
    let mut over = 0;
    for budget in &BUDGETS {
        let Some((what, found)) = judged(budget, results) else { continue };
        let holds = found <= budget.at_most;
        over += usize::from(!holds);
        let verdict = if holds { "ok" } else { "OVER" };
        writeln!(out, "  {what:<78} {found:>8.2} {:>8.2}  {verdict}", budget.at_most)?;
    }
    for peer in results.iter().filter(|row| row.group == Group::Peer) {
        for ours in AHEAD.iter().filter_map(|id| find(results, id)) {
            let found = ours.against(peer);
            // Written only where somebody is ahead of us: the table has the rest.
            if found >= 1.0 {
                over += 1;
                writeln!(
                    out,
                    "  {:<78} {found:>8.2} {:>8.2}  OVER",
                    format!("{} against {}", ours.name, peer.name),
                    1.0
                )?;
            }
        }
    }
    match over {
        0 => writeln!(out, "every budget is kept, and every peer is behind"),
        _ => writeln!(out, "{over} over budget"),
    }
}

/// What is compared, and how it came out; none where one of both was not measured.
fn judged(budget: &Budget, results: &[Measured]) -> Option<(String, f64)> {
    let row = find(results, budget.row)?;
    Some(match budget.against {
        Against::Row(other) => {
            let other = find(results, other)?;
            (format!("{} against {}", row.name, other.name), row.against(other))
        }
        Against::Millis(millis) => (format!("{} against {millis:.0} ms", row.name), row.millis() / millis),
        Against::CpuMillis => (format!("{}: CPU ms", row.name), row.cpu_millis()?),
    })
}
