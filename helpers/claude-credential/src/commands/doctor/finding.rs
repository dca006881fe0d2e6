use std::fmt::Display;

use claude_credential_protocol::text;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    Good,
    /// It works, but not always, or not as well as it could.
    Doubtful,
    Wrong,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) message: String,
    /// What mends it: a command, if there is one.
    pub(super) mend: Option<String>,
}

impl Severity {
    /// Its sign in the report, and the number of the sign's colour.
    pub(super) fn sign(self) -> (char, u8) {
        match self {
            Self::Good => ('✓', 32),
            Self::Doubtful => ('!', 33),
            Self::Wrong => ('✗', 31),
        }
    }
}

impl Finding {
    pub(super) fn good(message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Good, message: text::one_line(message.as_ref()), mend: None }
    }

    pub(super) fn doubtful(message: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self { severity: Severity::Doubtful, ..Self::wrong(message, mend) }
    }

    pub(super) fn wrong(message: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        let mend = Some(text::one_line(mend.as_ref()));
        Self { severity: Severity::Wrong, mend, ..Self::good(message) }
    }

    /// A failure. Our errors end with what mends them, after the last semicolon.
    pub(super) fn of(error: &impl Display) -> Self {
        let message = error.to_string();
        match message.rsplit_once("; ") {
            Some((problem, mend)) => Self::wrong(problem, mend),
            None => Self { severity: Severity::Wrong, ..Self::good(message) },
        }
    }

    /// The same with `mend`, if the error names nothing that mends it.
    pub(super) fn or_mend(self, mend: impl AsRef<str>) -> Self {
        Self { mend: self.mend.or_else(|| Some(text::one_line(mend.as_ref()))), ..self }
    }
}

/// What was found; if that is nothing, one good finding.
pub(super) fn or_good(found: Vec<Finding>, good: impl FnOnce() -> String) -> Vec<Finding> {
    if found.is_empty() { vec![Finding::good(good())] } else { found }
}

#[cfg(test)]
mod tests {
    use claude_credential_protocol::Error;

    use super::{Finding, Severity, or_good};

    #[test]
    fn what_mends_an_error_comes_after_its_last_semicolon() {
        let finding = Finding::of(&Error::config("HOME is not set; run: export HOME=/your/home"));
        assert_eq!(finding, Finding::wrong("HOME is not set", "run: export HOME=/your/home"));
        assert_eq!(Finding::of(&Error::config("a\nb")).message, "a?b");
        assert_eq!(or_good(Vec::new(), || "fine".to_owned())[0].severity, Severity::Good);
    }
}
