use std::io::Write;
use std::time::Duration;

use claude_credential_protocol::{Error, text};

/// Writes messages for the user at the terminal.
pub(crate) struct Reporter<'a> {
    stream: &'a mut dyn Write,
    is_terminal: bool,
    waited: bool,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(stream: &'a mut dyn Write, is_terminal: bool) -> Self {
        Self { stream, is_terminal, waited: false }
    }

    /// Writes one line, without control characters.
    pub(crate) fn line(&mut self, words: &str) -> Result<(), Error> {
        self.write(&format!("{}\n", text::one_line(words)))
    }

    /// Writes an address on a line of its own, never wrapped, so that it can be copied.
    pub(crate) fn plain(&mut self, address: &str) -> Result<(), Error> {
        let harmless: String = address.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect();
        self.write(&format!("\n  {harmless}\n\n"))
    }

    /// Shows the time that is left: on a terminal each second on the same line, elsewhere once.
    pub(crate) fn waiting(&mut self, what: &str, left: Duration) -> Result<(), Error> {
        let (minutes, seconds) = (left.as_secs() / 60, left.as_secs() % 60);
        let first = !std::mem::replace(&mut self.waited, true);
        if self.is_terminal {
            self.write(&format!("\r{what}, {minutes}:{seconds:02} left "))
        } else if first {
            self.write(&format!("{what}, {minutes}:{seconds:02} left\n"))
        } else {
            Ok(())
        }
    }

    /// Ends the line that `waiting` writes.
    pub(crate) fn done_waiting(&mut self) -> Result<(), Error> {
        if self.is_terminal && self.waited { self.write("\n") } else { Ok(()) }
    }

    fn write(&mut self, words: &str) -> Result<(), Error> {
        let written = self.stream.write_all(words.as_bytes()).and_then(|()| self.stream.flush());
        written.map_err(|error| Error::broke(format!("can't write: {error}")))
    }
}
