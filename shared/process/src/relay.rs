use std::process::{Command, Stdio};
use std::time::Instant;

use crate::child::{Finished, RunError, run};
use crate::streams::Streams;

/// A program whose output is for the person: it goes on to our own stdout and stderr as it comes. It is run once.
#[derive(Debug)]
pub struct Relay {
    /// What to run, with its arguments, environment and folder; its streams are set here.
    pub command: Command,
    /// When it is stopped.
    pub deadline: Instant,
    /// A person sits at the terminal: it has the terminal's stdin and process group. Else it has an empty stdin and a
    /// group of its own, so that its children are stopped with it.
    pub at_terminal: bool,
}

impl Relay {
    /// Runs it to its end. Of its output the end is left. What it leaves behind, such as a browser, is neither waited for
    /// nor stopped.
    pub fn run(mut self) -> Result<Finished, RunError> {
        self.command.stdin(if self.at_terminal { Stdio::inherit() } else { Stdio::null() });
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        run(self.command, self.deadline, !self.at_terminal, Streams::relayed)
    }
}
