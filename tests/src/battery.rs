//! What every helper passes, whoever wrote it.
//!
//! `BATTERY_HELPER="/path/helper --opts" cargo test -p claude-credential-tests --test battery` runs it against yours; it
//! has to have a credential for `BATTERY_HOST` (api.anthropic.com) then. Nothing that it keeps is changed.

use std::ffi::OsString;

use crate::{Answer, Call, Output, Sandbox, request};

mod answers;
mod keeping;
mod messages;

pub use answers::*;
pub use keeping::*;
pub use messages::*;

const AUTHTYPE: &str = "capability[]=authtype";
const CLAUDE: &str = "capability[]=claude.v1";

/// A helper in the battery.
#[derive(Debug)]
pub struct Candidate {
    sandbox: Sandbox,
    program: OsString,
    options: Vec<String>,
    host: String,
    variables: Vec<(OsString, OsString)>,
    stopping: Vec<String>,
}

impl Candidate {
    /// A helper that has a credential for api.anthropic.com when it is run with `options`.
    #[must_use]
    pub fn new(sandbox: Sandbox, program: impl Into<OsString>, options: &[&str]) -> Self {
        Self {
            sandbox,
            program: program.into(),
            options: owned(options),
            host: "api.anthropic.com".to_owned(),
            variables: Vec::new(),
            stopping: Vec::new(),
        }
    }

    /// For that host instead.
    #[must_use]
    pub fn for_host(mut self, host: String) -> Self {
        self.host = host;
        self
    }

    /// With our own environment in place of the sandbox's: where else should a helper that we don't know find anything?
    #[must_use]
    pub fn at_home(mut self) -> Self {
        self.variables = std::env::vars_os().collect();
        self
    }

    /// With these options in place of its own it has to stop the chain.
    #[must_use]
    pub fn stopping_with(mut self, options: &[&str]) -> Self {
        self.stopping = owned(options);
        self
    }

    fn call(&self, options: &[String], operation: &str) -> Call<'_> {
        let options: Vec<&str> = options.iter().map(String::as_str).chain([operation]).collect();
        let call = self.sandbox.call(&self.program, &options);
        self.variables.iter().fold(call, |call, (name, value)| call.with(&name.to_string_lossy(), value))
    }

    fn operation(&self, operation: &str, message: impl Into<Vec<u8>>) -> Output {
        self.call(&self.options, operation).says(message).shows_secret().run()
    }

    /// A `get` for our host, with further lines.
    fn get(&self, lines: &[&str]) -> Output {
        self.operation("get", request(&self.host, lines))
    }

    /// A `get` that has to be answered, by a message with a secret in it.
    #[track_caller]
    fn answer(&self, lines: &[&str]) -> Answer {
        let output = self.get(lines);
        let answer = Answer::parse(&output.exits(0).stdout);
        let secret = answer.get("password").or(answer.get("credential"));
        assert!(secret.is_some_and(|secret| !secret.is_empty()), "no credential for {}: {output:#?}", self.host);
        answer
    }

    /// A message that is void: exit 65, the line's number on one line of stderr, and nothing on stdout that could be
    /// taken for an answer.
    #[track_caller]
    fn refuses(&self, message: impl Into<Vec<u8>>, line: usize) {
        let output = self.operation("get", message);
        let said = output.exits(65).error_line();
        assert!(said.contains(&format!("line {line}")), "no line {line} in: {said}");
        assert!(!output.stdout.contains("password=") && !output.stdout.contains("credential="), "{output:#?}");
    }

    /// A request that is not for this helper: an empty answer, nothing said, exit 0.
    #[track_caller]
    fn passes_over(&self, message: impl Into<Vec<u8>>) {
        let output = self.operation("get", message);
        assert_eq!(output.succeeds().stdout.trim_matches('\n'), "", "{output:#?}");
    }
}

fn owned(options: &[&str]) -> Vec<String> {
    options.iter().map(|option| (*option).to_owned()).collect()
}
