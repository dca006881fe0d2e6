//! Words that are none of ours: an installed `claude-credential-WORD`, as git does it; else silence, as git asks of a
//! credential helper.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::CommandFactory;
use claude_credential_config::is_name;
use claude_credential_protocol::Error;

use crate::cli::Cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::program;

pub(crate) fn run(context: &Context, words: &[OsString]) -> Result<u8, Failure> {
    let word = words.first().and_then(|word| word.to_str()).filter(|word| is_name(word));
    if let Some(file) = word.and_then(|word| program::locate(context, word)) {
        let mut command = Command::new(&file);
        command.args(&words[1..]);
        context.active.hand_down(&mut command);
        // Comes back only if it could not be started.
        let error = command.exec();
        return Err(Error::config(format!("{} can't be started: {error}", file.display())).into());
    }
    Ok(usage())
}

/// Usage for a person. A later git may have operations that we don't know: it gets silence.
pub(crate) fn usage() -> u8 {
    if !io::stdin().is_terminal() {
        return 0;
    }
    let _ = writeln!(io::stderr(), "{}", Cli::command().render_help());
    2
}
