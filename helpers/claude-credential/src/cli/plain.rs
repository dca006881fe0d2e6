//! The command lines of every request, read without clap: to build its tree of commands takes longer than all the rest
//! of a call whose answer is kept. What is not plainly one of them is clap's, its mistakes included.

use std::ffi::OsString;

use clap::ValueEnum;

use crate::cli::{Cli, Command, Options, Print};

/// None where clap has to say what the words mean.
pub(crate) fn parse(words: &[OsString]) -> Option<Cli> {
    let mut options = Options::default();
    let (mut command, mut formatted) = (None, false);
    let mut words = words.iter().skip(1).map(|word| word.to_str());
    while let Some(word) = words.next() {
        // A value that looks like an option, an empty one, and a second one are matters of taste, and clap has it.
        let mut value = || words.next()?.filter(|value| !value.is_empty() && !value.starts_with('-'));
        match (word?, &mut command) {
            ("--profile", _) if options.profile.is_none() => options.profile = Some(value()?.to_owned()),
            ("--chain", _) if options.chain.is_empty() => {
                options.chain = value()?.split(',').map(str::to_owned).collect();
            }
            ("--no-input", _) if !options.no_input => options.no_input = true,
            ("print", None) => command = Some(Command::Print(Print::default())),
            ("api-key-helper", None) => command = Some(Command::ApiKeyHelper),
            ("get", None) => command = Some(Command::Get),
            ("--host", Some(Command::Print(print))) if print.host.is_none() => print.host = Some(value()?.to_owned()),
            ("--account", Some(Command::Print(print))) if print.account.is_none() => {
                print.account = Some(value()?.to_owned());
            }
            ("--format", Some(Command::Print(print))) if !formatted => {
                formatted = true;
                print.format.format = ValueEnum::from_str(value()?, false).ok()?;
            }
            _ => return None,
        }
    }
    command.map(|command| Cli { options, command: Some(command) })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser;
    use proptest::prelude::*;

    use super::parse;
    use crate::cli::Cli;

    const WORDS: [&str; 24] = [
        "print",
        "get",
        "api-key-helper",
        "store",
        "--profile",
        "--profile=work",
        "--chain",
        "--host",
        "--account",
        "--format",
        "--shell",
        "--no-input",
        "--no-cache",
        "--rejected",
        "--verbose",
        "-v",
        "--",
        "-",
        "",
        "work",
        "a,b",
        ",",
        "header",
        "key",
    ];

    fn agrees(words: &[&str]) -> Result<bool, TestCaseError> {
        let words: Vec<OsString> = ["claude-credential"].iter().chain(words).map(Into::into).collect();
        let Some(quick) = parse(&words) else { return Ok(false) };
        let by_clap = Cli::try_parse_from(&words).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(format!("{quick:?}"), format!("{by_clap:?}"));
        Ok(true)
    }

    #[test]
    fn the_lines_of_every_request_are_read() {
        for line in [
            &["print"][..],
            &["get"],
            &["api-key-helper"],
            &["--profile", "work", "print", "--format", "header", "--host", "a.example"],
            &["--chain", "a,b", "api-key-helper", "--no-input"],
            &["--profile", "print", "get"],
            &["print", "--account", "me", "--profile", "work"],
        ] {
            assert!(agrees(line).unwrap(), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_means_what_clap_says(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6)) {
            agrees(&words)?;
        }
    }
}
