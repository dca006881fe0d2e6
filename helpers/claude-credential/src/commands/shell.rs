//! `completions` and `man`, generated from the definition of the command line.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::aot::{Bash, Fish, Zsh, generate};
use clap_mangen::Man;
use claude_credential_protocol::{Error, written};

use crate::cli::{Cli, CompletedShell};

const NAME: &str = "claude-credential";

pub(crate) fn completions(shell: CompletedShell) -> Result<u8, Error> {
    let (mut command, mut text) = (Cli::command(), Vec::new());
    match shell {
        CompletedShell::Bash => {
            generate(Bash, &mut command, NAME, &mut text);
            // <https://github.com/clap-rs/clap/issues/6421>: if the program's name has a hyphen, the generator spells the
            // commands in two ways, and completes none of their options.
            let spelled = String::from_utf8_lossy(&text).replace("claude__subcmd__credential", "claude__credential");
            text = spelled.into_bytes();
        }
        CompletedShell::Zsh => generate(Zsh, &mut command, NAME, &mut text),
        CompletedShell::Fish => generate(Fish, &mut command, NAME, &mut text),
    }
    print(&text)
}

/// Prints the manual page of the program; or writes it, and one for each command, into the folder `to`.
pub(crate) fn man(to: Option<&Path>) -> Result<u8, Error> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = to else { return print(&page(&command)?) };
    let unwritable = |path: &Path, error| Error::config(format!("can't write {}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    for command in command.get_subcommands().chain([&command]).filter(|command| !command.is_hide_set()) {
        let path = folder.join(Man::new(command.clone()).get_filename());
        fs::write(&path, page(command)?).map_err(|error| unwritable(&path, error))?;
    }
    Ok(0)
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let rendered = Man::new(command.clone()).manual("claude-credential").render(&mut text);
    rendered.map_err(|error| Error::broke(format!("can't make the manual page: {error}")))?;
    Ok(text)
}

fn print(text: &[u8]) -> Result<u8, Error> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(text).and_then(|()| stdout.flush()))?;
    Ok(0)
}
