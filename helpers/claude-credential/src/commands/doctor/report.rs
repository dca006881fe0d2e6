use std::io::{self, IsTerminal, Write};

use claude_credential_protocol::{Error, written};
use serde_json::json;

use super::finding::{Finding, Mark};

/// What a script reads, as `docs/schema/doctor.json` describes it.
const VERSION: u32 = 1;

pub(super) fn print(found: &[(&'static str, Finding)], as_json: bool) -> Result<(), Error> {
    let text = if as_json { in_json(found) } else { in_lines(found, has_colours()) };
    written(io::stdout().write_all(text.as_bytes()))
}

fn in_json(found: &[(&'static str, Finding)]) -> String {
    let checks: Vec<_> = found
        .iter()
        .map(|(check, Finding { mark, said, mend })| {
            json!({ "check": check, "result": mark.word(), "says": said, "mend": mend })
        })
        .collect();
    let good = !found.iter().any(|(_, finding)| finding.is_failure());
    format!("{}\n", json!({ "version": VERSION, "good": good, "checks": checks }))
}

fn in_lines(found: &[(&'static str, Finding)], colours: bool) -> String {
    let width = found.iter().map(|(check, _)| check.len()).max().unwrap_or_default();
    let line = |(check, Finding { mark, said, mend }): &(&'static str, Finding)| {
        let mend = mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default();
        let sign = mark.sign();
        let sign = if colours { format!("\x1b[{}m{sign}\x1b[0m", colour(*mark)) } else { sign.to_string() };
        format!("{sign} {check:width$}  {said}{mend}\n")
    };
    found.iter().map(line).collect()
}

fn colour(mark: Mark) -> u8 {
    match mark {
        Mark::Good => 32,
        Mark::Doubtful => 33,
        Mark::Wrong => 31,
    }
}

/// <https://no-color.org>: set to anything but nothing, it means none.
fn has_colours() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    io::stdout().is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::{Finding, in_lines};

    #[test]
    fn a_line_is_sign_name_words_and_mend() {
        let found = [("path", Finding::good("fine")), ("clock", Finding::wrong("it is late", "run: date"))];
        assert_eq!(in_lines(&found, false), "✓ path   fine\n✗ clock  it is late; run: date\n");
        assert!(in_lines(&found, true).starts_with("\x1b[32m✓\x1b[0m path "));
    }
}
