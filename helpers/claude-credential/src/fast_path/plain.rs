use claude_credential_protocol::Format;

use crate::cli::{Cli, Command};

/// A call that a kept answer can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlainCall {
    Print(Format),
    ApiKeyHelper,
    Get,
}

impl PlainCall {
    /// The call of a command line; `None` if it needs more than a kept answer.
    pub(super) fn of(cli: &Cli) -> Option<Self> {
        let options = &cli.options;
        if options.no_cache || options.verbose || options.config.is_some() {
            return None;
        }
        match cli.command.as_ref()? {
            Command::Print(print) if print.rejected => None,
            // The entry decides which variables the credential goes into, so this needs the configuration.
            Command::Print(print) if print.format.format.sets_variables() => None,
            Command::Print(print) => Some(Self::Print(print.format.format)),
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

    use super::PlainCall;
    use crate::cli::Cli;

    fn of(text: &str) -> Option<PlainCall> {
        PlainCall::of(&Cli::try_parse_from(["claude-credential"].into_iter().chain(text.split(' '))).unwrap())
    }

    #[test]
    fn a_call_that_needs_more_than_a_kept_answer_does_the_full_lookup() {
        assert_eq!(of("--profile work print --format header"), Some(PlainCall::Print(Format::Header)));
        assert_eq!((of("api-key-helper"), of("get")), (Some(PlainCall::ApiKeyHelper), Some(PlainCall::Get)));
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
