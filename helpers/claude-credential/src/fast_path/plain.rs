use claude_credential_protocol::Format;

use crate::cli::{Cli, Command};

/// A command line that a kept answer can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Print(Format),
    ApiKeyHelper,
    Get,
}

impl Line {
    /// None where it asks for more than the kept answer.
    pub(super) fn of(cli: &Cli) -> Option<Self> {
        let options = &cli.options;
        if options.no_cache || options.verbose || options.config.is_some() {
            return None;
        }
        match cli.command.as_ref()? {
            Command::Print(print) if print.rejected => None,
            Command::Print(print) => match print.format.format {
                // Which variables it goes into depends on whose credential it is, and so on the configuration.
                Format::Env | Format::Github => None,
                format => Some(Self::Print(format)),
            },
            Command::ApiKeyHelper => Some(Self::ApiKeyHelper),
            Command::Get => Some(Self::Get),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use claude_credential_protocol::Format;

    use super::Line;
    use crate::cli::Cli;

    fn of(text: &str) -> Option<Line> {
        Line::of(&Cli::try_parse_from(["claude-credential"].into_iter().chain(text.split(' '))).unwrap())
    }

    #[test]
    fn what_asks_for_more_than_a_kept_answer_goes_the_long_way() {
        assert_eq!(of("--profile work print --format header"), Some(Line::Print(Format::Header)));
        assert_eq!((of("api-key-helper"), of("get")), (Some(Line::ApiKeyHelper), Some(Line::Get)));
        for text in [
            "print --rejected",
            "print --no-cache",
            "print -v",
            "--config other.toml print",
            "print --format env",
            "print --format github",
            "store",
            "explain",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
