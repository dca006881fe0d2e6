//! Commands that the dispatcher does not have: an installed `claude-credential-WORD` is run, as git does. If there is no
//! such executable, one word alone gets silence, as git asks of a credential helper.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::CommandFactory;
use claude_credential_config::is_name;
use claude_credential_protocol::Error;

use crate::chain::program;
use crate::cli::Cli;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(context: &Context, words: &[OsString]) -> Result<u8, Failure> {
    let word = words.first().and_then(|word| word.to_str()).filter(|word| is_name(word));
    if let Some(file) = word.and_then(|word| program::locate(context, word)) {
        let mut command = Command::new(&file);
        command.args(&words[1..]);
        context.hand_down(&context.active, &mut command);
        // `exec` returns only if the command could not be started.
        let error = command.exec();
        return Err(Error::config(format!("{} can't be started: {error}", file.display())).into());
    }
    // git's operations have no arguments, so a word with arguments is a command that the user misspelt.
    Ok(if words.len() > 1 { print_usage() } else { usage() })
}

/// Prints the usage at a terminal. Without one the caller may be a later git with an operation that we don't know: it
/// gets silence.
pub(crate) fn usage() -> u8 {
    if io::stdin().is_terminal() { print_usage() } else { 0 }
}

fn print_usage() -> u8 {
    let _ = writeln!(io::stderr(), "{}", Cli::command().render_help());
    2
}
