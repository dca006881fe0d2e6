use std::io::{self, Write};

use claude_credential_protocol::{Error, text, written};
use serde_json::{Value, json};

use super::finding::{Finding, Severity};

/// The version of the JSON that `docs/schema/doctor.json` describes.
const VERSION: u32 = 1;

/// The findings: the user reads each line as it comes, a program reads all of them at the end.
pub(super) struct Report {
    /// The findings so far; `None` if the report is for the user.
    json: Option<Vec<Value>>,
    colours: bool,
    /// The width of the longest check's name.
    width: usize,
    is_good: bool,
}

impl Report {
    pub(super) fn new(as_json: bool, colours: bool, width: usize) -> Self {
        Self { json: as_json.then(Vec::new), colours, width, is_good: true }
    }

    pub(super) fn add(&mut self, check: &str, finding: Finding) -> Result<(), Error> {
        self.is_good &= finding.severity != Severity::Wrong;
        let Some(json) = &mut self.json else {
            return written(io::stdout().write_all(line(check, &finding, self.colours, self.width).as_bytes()));
        };
        let Finding { severity, message, mend } = finding;
        json.push(json!({ "check": check, "result": severity, "says": message, "mend": mend }));
        Ok(())
    }

    /// Ends the report, and returns the exit code.
    pub(super) fn end(self) -> Result<u8, Error> {
        let Self { json, colours: _, is_good, .. } = self;
        if let Some(checks) = json {
            let report = json!({ "version": VERSION, "good": is_good, "checks": checks });
            written(writeln!(io::stdout(), "{}", text::json(&report.to_string())))?;
        }
        Ok(u8::from(!is_good))
    }
}

fn line(check: &str, Finding { severity, message, mend }: &Finding, colours: bool, width: usize) -> String {
    let mend = mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default();
    let (sign, colour) = severity.sign();
    let sign = if colours { format!("\x1b[{colour}m{sign}\x1b[0m") } else { sign.to_string() };
    format!("{sign} {check:width$}  {message}{mend}\n")
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
