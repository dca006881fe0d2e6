//! Parses the frequent command lines without clap, because building clap's tree of commands takes longer than the rest
//! of a call whose answer is kept. clap parses all others, and reports their errors.

use std::ffi::OsString;

use clap::ValueEnum;

use crate::cli::{Cli, Command, Options, Print};

/// The parsed command line; `None` if clap has to parse it.
pub(crate) fn parse(words: &[OsString]) -> Option<Cli> {
    let mut options = Options::default();
    let (mut command, mut formatted) = (None, false);
    let mut words = words.iter().skip(1).map(|word| word.to_str());
    while let Some(word) = words.next() {
        // clap decides about a value that is empty or looks like an option, and about an option that is repeated.
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
        let Some(plain) = parse(&words) else { return Ok(false) };
        let by_clap = Cli::try_parse_from(&words).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(format!("{plain:?}"), format!("{by_clap:?}"));
        Ok(true)
    }

    #[test]
    fn the_frequent_command_lines_are_parsed() {
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
        fn whatever_is_parsed_agrees_with_clap(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6)) {
            agrees(&words)?;
        }
    }
}
