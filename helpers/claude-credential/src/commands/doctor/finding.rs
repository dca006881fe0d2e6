use claude_credential_protocol::{Error, text};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Good,
    /// It works, and not as well as it could, or not always.
    Doubtful,
    Wrong,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) mark: Mark,
    pub(super) said: String,
    /// What mends it: a command, where there is one.
    pub(super) mend: Option<String>,
}

impl Mark {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Good => '✓',
            Self::Doubtful => '!',
            Self::Wrong => '✗',
        }
    }

    /// The word in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Wrong => "wrong",
        }
    }
}

impl Finding {
    pub(super) fn good(said: impl AsRef<str>) -> Self {
        Self { mark: Mark::Good, said: text::one_line(said.as_ref()), mend: None }
    }

    pub(super) fn doubtful(said: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self { mark: Mark::Doubtful, ..Self::wrong(said, mend) }
    }

    pub(super) fn wrong(said: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self { mark: Mark::Wrong, said: text::one_line(said.as_ref()), mend: Some(text::one_line(mend.as_ref())) }
    }

    /// Our errors end with what mends them, behind the last semicolon.
    pub(super) fn of(error: &Error) -> Self {
        Self::of_message(&error.to_string())
    }

    pub(super) fn of_message(message: &str) -> Self {
        match message.rsplit_once("; ") {
            Some((said, mend)) => Self::wrong(said, mend),
            None => Self { mark: Mark::Wrong, said: text::one_line(message), mend: None },
        }
    }

    /// With that mend, if it has none: some errors name nothing but the matter.
    pub(super) fn or_mend(self, mend: impl AsRef<str>) -> Self {
        Self { mend: self.mend.or_else(|| Some(text::one_line(mend.as_ref()))), ..self }
    }
}

/// What was found, or that all of it is good.
pub(super) fn or_good(found: Vec<Finding>, good: impl FnOnce() -> String) -> Vec<Finding> {
    if found.is_empty() { vec![Finding::good(good())] } else { found }
}

#[cfg(test)]
mod tests {
    use claude_credential_protocol::Error;

    use super::{Finding, Mark, or_good};

    #[test]
    fn what_mends_an_error_stands_behind_its_last_semicolon() {
        let finding = Finding::of(&Error::config("HOME is not set; run: export HOME=/your/home"));
        assert_eq!(finding, Finding::wrong("HOME is not set", "run: export HOME=/your/home"));
        assert_eq!(Finding::of(&Error::config("a\nb")).said, "a?b");
        assert_eq!(or_good(Vec::new(), || "fine".to_owned())[0].mark, Mark::Good);
    }
}
