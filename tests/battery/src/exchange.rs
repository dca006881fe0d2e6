use std::fmt::Display;

use crate::report::{self, Hider};
use crate::{Answer, Canary, Input, Output};

/// One operation of a helper: what was sent, and what came back.
#[derive(Debug)]
pub(crate) struct Exchange<'a> {
    canary: &'a Canary,
    options: &'a [String],
    operation: String,
    input: Input,
    output: Output,
    /// The answer, or the number of its first line without `=`.
    answer: Result<Answer, usize>,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        canary: &'a Canary,
        options: &'a [String],
        operation: &str,
        input: Input,
        output: Output,
    ) -> Self {
        let answer = Answer::read(&output.stdout);
        Self { canary, options, operation: operation.to_owned(), input, output, answer }
    }

    /// Fails with a report of this exchange unless `holds`.
    #[track_caller]
    pub(crate) fn expect(&self, holds: bool, expected: impl Display) -> &Self {
        assert!(holds, "{}", self.report(&expected));
        self
    }

    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        self.expect(self.output.code() == Some(code), format_args!("expected exit {code}"))
    }

    /// It exited 0 and wrote nothing to stderr.
    #[track_caller]
    pub(crate) fn succeeds(&self) -> &Self {
        self.exits(0).expect(self.output.stderr.is_empty(), "expected nothing on stderr")
    }

    /// It succeeded with an empty answer.
    #[track_caller]
    pub(crate) fn is_silent(&self) -> &Self {
        self.succeeds().expect(self.output.stdout.trim_matches('\n').is_empty(), "expected an empty answer")
    }

    #[track_caller]
    pub(crate) fn prints_nothing(&self) -> &Self {
        self.expect(self.output.stdout.is_empty(), "expected nothing on stdout")
    }

    /// It wrote exactly one line to stderr, with `part` in it.
    #[track_caller]
    pub(crate) fn says(&self, part: &str) -> &Self {
        let line = self.output.stderr.strip_suffix('\n').filter(|line| !line.is_empty() && !line.contains('\n'));
        self.expect(line.is_some(), "expected exactly one line on stderr")
            .expect(line.is_some_and(|line| line.contains(part)), format_args!("expected `{part}` on stderr"))
    }

    /// Each line of the answer has a `=`.
    #[track_caller]
    pub(crate) fn is_readable(&self) -> &Self {
        let line = self.answer.as_ref().err().copied().unwrap_or_default();
        self.expect(self.answer.is_ok(), format_args!("expected a `=` in line {line} of the answer"))
    }

    /// The answer has the fields of that other one.
    #[track_caller]
    pub(crate) fn answers_as(&self, other: &Exchange<'_>) -> &Self {
        self.succeeds().is_readable();
        self.expect(self.answer == other.answer, "expected the same answer as to a request without these lines")
    }

    /// The secret, whichever form it has.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.get("credential").or(self.get("password"))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.answer.as_ref().ok()?.get(key)
    }

    pub(crate) fn all(&self, key: &str) -> Vec<&str> {
        self.answer.as_ref().map(|answer| answer.all(key)).unwrap_or_default()
    }

    pub(crate) fn keys(&self) -> Vec<&str> {
        self.answer.as_ref().map(Answer::keys).unwrap_or_default()
    }

    /// The whole answer is these fields and the empty line.
    pub(crate) fn is_exactly(&self, fields: &[(&str, &str)]) -> bool {
        let found = self.answer.as_ref().is_ok_and(|answer| {
            answer.fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(fields.iter().copied())
        });
        found && self.is_ended()
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answer| answer.ended)
    }

    pub(crate) fn shows_credential(&self) -> bool {
        self.output.stdout.contains("password=") || self.output.stdout.contains("credential=")
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.output.code()
    }

    pub(crate) fn stdout(&self) -> &str {
        &self.output.stdout
    }

    pub(crate) fn stderr(&self) -> &str {
        &self.output.stderr
    }

    /// What was expected, what was sent and what came back: neither the environment nor a secret.
    fn report(&self, expected: &dyn Display) -> String {
        let hider = Hider::new(self.canary, &self.output.stdout);
        let exit = match (self.output.code(), self.output.signal()) {
            (Some(code), _) => code.to_string(),
            (None, signal) => format!("none; signal {}", signal.unwrap_or_default()),
        };
        let (sent, open) = match &self.input {
            Input::Bytes(bytes) => (bytes.as_slice(), ""),
            Input::Open(bytes) => (bytes.as_slice(), ", and stdin left open"),
            Input::Null | Input::Socket => (&[][..], ""),
        };
        let command = [self.options, std::slice::from_ref(&self.operation)].concat().join(" ");
        [
            expected.to_string(),
            format!("arguments: {}", hider.text(&command)),
            report::block(&format!("sent{open}"), &String::from_utf8_lossy(sent), |line| hider.text(line)),
            format!("exit: {exit}"),
            report::block("stdout", &self.output.stdout, |line| hider.answer_line(line)),
            report::block("stderr", &self.output.stderr, |line| hider.message_line(line)),
        ]
        .join("\n")
    }
}
