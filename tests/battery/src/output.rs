use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::label;

/// What a program left behind.
#[derive(Debug)]
pub struct Output {
    /// The command.
    pub what: String,
    pub(crate) status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// How long it ran: to be printed, never asserted.
    pub took: Duration,
}

impl Output {
    /// Its exit code; none if a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Fails unless it exited with `code`.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code(), Some(code), "{self:#?}");
        self
    }

    /// Fails unless it exited 0 and said nothing.
    #[track_caller]
    pub fn succeeds(&self) -> &Self {
        assert_eq!(self.stderr, "", "{self:#?}");
        self.exits(0)
    }

    /// The name of the one secret that it printed, on one line, with nothing said and exit 0.
    #[track_caller]
    pub fn key(&self) -> String {
        self.succeeds().printed_key()
    }

    /// The name of the one secret that it printed; it may have said something.
    #[track_caller]
    pub fn printed_key(&self) -> String {
        self.exits(0);
        let line = self.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("no line end: {self:#?}"));
        assert!(!line.is_empty() && line.bytes().all(|byte| byte.is_ascii_graphic()), "not one token: {self:#?}");
        label(line)
    }

    /// What it said: exactly one line, beside an empty stdout and that exit code.
    #[track_caller]
    pub fn fails(&self, code: i32) -> &str {
        assert_eq!(self.stdout, "", "{self:#?}");
        self.exits(code).error_line()
    }

    /// What it said: exactly one line.
    #[track_caller]
    pub fn error_line(&self) -> &str {
        let line = self.stderr.strip_suffix('\n').unwrap_or_else(|| panic!("no line on stderr: {self:#?}"));
        assert!(!line.is_empty() && !line.contains('\n'), "not one line on stderr: {self:#?}");
        line
    }
}
