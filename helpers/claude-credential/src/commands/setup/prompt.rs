//! The person at the terminal: what is said, asked and answered.

use std::io::{self, Write};

use claude_credential_protocol::{Error, Interactive};

use crate::context::Context;

/// Somebody, or nobody.
#[derive(Debug)]
pub(crate) struct Person {
    is_there: bool,
    hears: io::Stderr,
    types: io::Stdin,
}

impl Person {
    pub(crate) fn new(context: &Context) -> Self {
        Self { is_there: context.interactive() == Interactive::Auto, hears: io::stderr(), types: io::stdin() }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    /// A closed stderr is no reason not to go on.
    pub(crate) fn say(&self, line: &str) {
        let _ = writeln!(&self.hears, "{line}");
    }

    /// A line; where Enter alone was typed, the default.
    pub(crate) fn asks(&mut self, prompt: &str, default: Option<&str>) -> Result<String, Error> {
        let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        let _ = write!(&self.hears, "{prompt}{shown}: ");
        let mut line = String::new();
        let read = self.types.read_line(&mut line);
        match read {
            Ok(0) => Err(Error::config("nobody answers; nothing was changed")),
            Ok(_) if line.trim().is_empty() => Ok(default.unwrap_or_default().to_owned()),
            Ok(_) => Ok(line.trim().to_owned()),
            // Bytes that are no text are an answer, if a wrong one.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok("?".to_owned()),
            Err(error) => Err(Error::config(format!("can't read the answer: {error}; nothing was changed"))),
        }
    }

    /// Yes or no, until it is one of them.
    pub(crate) fn confirms(&mut self, prompt: &str, default: bool) -> Result<bool, Error> {
        loop {
            let answer = self.asks(&format!("{prompt} (y/n)"), Some(if default { "y" } else { "n" }))?;
            match answer.to_ascii_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.say("please answer y or n"),
            }
        }
    }

    /// Whether to go on: by `--yes`, or asked.
    pub(crate) fn agrees(&mut self, prompt: &str, yes: bool) -> Result<bool, Error> {
        match (yes, self.is_there) {
            (true, _) => Ok(true),
            (false, true) => self.confirms(prompt, true),
            (false, false) => Err(Error::config("nobody is there to agree; nothing was changed; to agree, add: --yes")),
        }
    }
}
