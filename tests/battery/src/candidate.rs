use std::ffi::OsString;

use crate::exchange::Exchange;
use crate::{Input, Sandbox, request};

/// A helper in the battery, with a sandbox of its own.
#[derive(Debug)]
pub struct Candidate {
    pub(crate) sandbox: Sandbox,
    program: OsString,
    options: Vec<String>,
    failing: Option<Vec<String>>,
    pub(crate) host: String,
}

impl Candidate {
    /// A helper that has a credential for api.anthropic.com when it is run with `options`.
    #[must_use]
    pub fn new(sandbox: impl Into<Sandbox>, program: impl Into<OsString>, options: &[&str]) -> Self {
        Self {
            sandbox: sandbox.into(),
            program: program.into(),
            options: owned(options),
            failing: None,
            host: "api.anthropic.com".to_owned(),
        }
    }

    /// It has one for that host instead.
    #[must_use]
    pub fn for_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// It runs with the environment of this process: a helper that the battery does not know finds its credential there.
    #[must_use]
    pub fn with_own_environment(mut self) -> Self {
        self.sandbox.use_own_environment();
        self
    }

    /// With these options in place of its own, `get` has to fail.
    #[must_use]
    pub fn failing_with(mut self, options: &[&str]) -> Self {
        self.failing = Some(owned(options));
        self
    }

    pub(crate) fn can_fail(&self) -> bool {
        self.failing.is_some()
    }

    /// Runs one operation on a whole message.
    pub(crate) fn operation(&self, operation: &str, message: impl Into<Vec<u8>>) -> Exchange<'_> {
        self.exchange(&self.options, operation, Input::Bytes(message.into()))
    }

    /// Runs a `get` on a message after which stdin stays open.
    pub(crate) fn get_from_open_stream(&self) -> Exchange<'_> {
        self.exchange(&self.options, "get", Input::Open(request(&self.host, &[]).into_bytes()))
    }

    /// Runs a `get` for the helper's own host, with further lines.
    pub(crate) fn get(&self, lines: &[&str]) -> Exchange<'_> {
        self.operation("get", request(&self.host, lines))
    }

    /// Runs a `get` with the options that make it fail. Call it only if there are any.
    pub(crate) fn failing_get(&self, lines: &[&str]) -> Exchange<'_> {
        let options = self.failing.as_ref().expect("the options with which it fails");
        self.exchange(options, "get", Input::Bytes(request(&self.host, lines).into_bytes()))
    }

    fn exchange<'a>(&'a self, options: &'a [String], operation: &str, input: Input) -> Exchange<'a> {
        let words: Vec<&str> = options.iter().map(String::as_str).chain([operation]).collect();
        let output = self.sandbox.call(&self.program, &words).input(input.clone()).shows_secret().run();
        Exchange::new(self.sandbox.canary(), options, operation, input, output)
    }

    /// Runs a `get` that has to be answered with a credential.
    #[track_caller]
    pub(crate) fn answer(&self, lines: &[&str]) -> Exchange<'_> {
        let exchange = self.get(lines);
        exchange.exits(0).is_readable();
        let secret = exchange.get("password").or(exchange.get("credential"));
        exchange.expect(
            secret.is_some_and(|secret| !secret.is_empty()),
            format_args!("expected a credential for {}", self.host),
        );
        exchange
    }

    /// Fails unless a `get` of a malformed message exits 65, names the line on one line of stderr, and answers nothing.
    #[track_caller]
    pub(crate) fn refuses(&self, message: impl Into<Vec<u8>>, line: usize) {
        let exchange = self.operation("get", message);
        exchange.exits(65).says(&format!("line {line}"));
        exchange.expect(!exchange.shows_credential(), "expected no credential on stdout");
    }

    /// Fails unless the answer to a `get` is empty, with exit 0 and nothing on stderr.
    #[track_caller]
    pub(crate) fn passes_over(&self, message: impl Into<Vec<u8>>) {
        self.operation("get", message).is_silent();
    }
}

fn owned(options: &[&str]) -> Vec<String> {
    options.iter().map(|option| (*option).to_owned()).collect()
}
