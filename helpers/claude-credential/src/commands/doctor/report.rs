use std::io::{self, IsTerminal, Write};

use claude_credential_protocol::{Error, written};
use serde_json::{Value, json};

use super::finding::{Finding, Mark};

/// What a script reads, as `docs/schema/doctor.json` describes it.
const VERSION: u32 = 1;

/// What was found: a person reads each line as it comes, a script all of it at the end.
pub(super) struct Report {
    /// None for a person.
    json: Option<Vec<Value>>,
    colours: bool,
    /// The width of the longest check's name.
    width: usize,
    is_good: bool,
}

impl Report {
    pub(super) fn new(as_json: bool, width: usize) -> Self {
        Self { json: as_json.then(Vec::new), colours: has_colours(), width, is_good: true }
    }

    pub(super) fn add(&mut self, check: &str, finding: Finding) -> Result<(), Error> {
        self.is_good &= finding.mark != Mark::Wrong;
        let Some(json) = &mut self.json else {
            return written(io::stdout().write_all(line(check, &finding, self.colours, self.width).as_bytes()));
        };
        let Finding { mark, said, mend } = finding;
        json.push(json!({ "check": check, "result": mark.word(), "says": said, "mend": mend }));
        Ok(())
    }

    /// The exit code.
    pub(super) fn end(self) -> Result<u8, Error> {
        let Self { json, colours: _, is_good, .. } = self;
        if let Some(checks) = json {
            let report = json!({ "version": VERSION, "good": is_good, "checks": checks });
            written(writeln!(io::stdout(), "{report}"))?;
        }
        Ok(u8::from(!is_good))
    }
}

fn line(check: &str, Finding { mark, said, mend }: &Finding, colours: bool, width: usize) -> String {
    let mend = mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default();
    let sign = mark.sign();
    let sign = if colours { format!("\x1b[{}m{sign}\x1b[0m", colour(*mark)) } else { sign.to_string() };
    format!("{sign} {check:width$}  {said}{mend}\n")
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
    use super::{Finding, line};

    #[test]
    fn a_line_is_sign_name_words_and_mend() {
        let good = Finding::good("fine");
        assert_eq!(line("path", &good, false, 14), "✓ path            fine\n");
        assert!(line("path", &good, true, 14).starts_with("\x1b[32m✓\x1b[0m path "));
        let wrong = Finding::wrong("it is late", "run: date");
        assert_eq!(line("api-key-helper", &wrong, false, 14), "✗ api-key-helper  it is late; run: date\n");
    }
}
