//! Questions to the user at the terminal, and lines for them.

use std::io::{self, Write};

use claude_credential_protocol::{Error, Interactive, is_cut_by_terminal, text};

use crate::context::Context;

/// Asks on stderr and reads answers from stdin.
#[derive(Debug)]
pub(crate) struct Prompt {
    is_interactive: bool,
    output: io::Stderr,
    input: io::Stdin,
}

impl Prompt {
    pub(crate) fn new(context: &Context) -> Self {
        Self { is_interactive: context.interactive() == Interactive::Auto, output: io::stderr(), input: io::stdin() }
    }

    /// Whether there is a user who can answer.
    pub(crate) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Prints a line. A closed stderr is no reason to stop.
    pub(crate) fn say(&self, line: &str) {
        let _ = writeln!(&self.output, "{}", text::lines(line));
    }

    /// Reads an answer; Enter alone means the default.
    pub(crate) fn ask(&mut self, question: &str, default: Option<&str>) -> Result<String, Error> {
        let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        let _ = write!(&self.output, "{}: ", text::lines(&format!("{question}{shown}")));
        let mut line = String::new();
        match self.input.read_line(&mut line) {
            Ok(0) => Err(Error::config("no answer on stdin; nothing was changed; run: claude-credential setup")),
            Ok(_) if is_cut_by_terminal(line.as_bytes()) => {
                self.say("the terminal cut that line off; give it in place of this question: --set NAME=VALUE");
                self.ask(question, default)
            }
            Ok(_) if line.trim().is_empty() => Ok(default.unwrap_or_default().to_owned()),
            Ok(_) => Ok(line.trim().to_owned()),
            // Bytes that are not UTF-8 are a wrong answer, and the question is asked again.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok("?".to_owned()),
            Err(error) => Err(Error::config(format!("can't read the answer: {error}; nothing was changed"))),
        }
    }

    /// Asks until the answer is yes or no.
    pub(crate) fn confirm(&mut self, question: &str, default: bool) -> Result<bool, Error> {
        loop {
            let answer = self.ask(&format!("{question} (y/n)"), Some(if default { "y" } else { "n" }))?;
            match answer.to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.say("please answer y or n"),
            }
        }
    }

    /// Whether to go on, which `--yes` answers without a question.
    pub(crate) fn agree(&mut self, question: &str, yes: bool) -> Result<bool, Error> {
        match (yes, self.is_interactive) {
            (true, _) => Ok(true),
            (false, true) => self.confirm(question, true),
            (false, false) => {
                Err(Error::config("there is no terminal to ask on, so nothing was changed; to agree, add: --yes"))
            }
        }
    }
}
