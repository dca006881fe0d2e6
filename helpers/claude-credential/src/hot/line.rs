use std::ffi::OsString;

use clap::ValueEnum;
use claude_credential_protocol::Format;

/// A command line that a kept answer can serve. What its words mean is clap's to say: a record for them is there only
/// where clap has accepted them, so here they are told apart and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Print(Format),
    ApiKeyHelper,
    Get,
}

impl Line {
    /// None where it may ask for more than the kept answer.
    pub(super) fn parse(words: &[OsString]) -> Option<Self> {
        let mut line = None;
        let mut words = words.iter().skip(1);
        while let Some(word) = words.next() {
            let word = word.to_str()?;
            line = Some(match (word, line) {
                ("print", None) => Self::Print(Format::Key),
                ("api-key-helper", None) => Self::ApiKeyHelper,
                ("get", None) => Self::Get,
                ("--format", Some(Self::Print(_))) => {
                    match ValueEnum::from_str(words.next()?.to_str()?, false).ok()? {
                        // Which variables it goes into depends on whose credential it is, and so on the configuration.
                        Format::Env | Format::Github => return None,
                        format => Self::Print(format),
                    }
                }
                // clap knows these two for `print` alone: nobody is to wait for stdin who is to be told that.
                ("--profile" | "--chain", _) | ("--host" | "--account", Some(Self::Print(_))) => {
                    words.next()?;
                    continue;
                }
                ("--no-input", _) => continue,
                _ => return None,
            });
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use claude_credential_protocol::Format;

    use super::Line;

    fn parse(text: &str) -> Option<Line> {
        let words: Vec<OsString> = ["claude-credential"].into_iter().chain(text.split(' ')).map(Into::into).collect();
        Line::parse(&words)
    }

    #[test]
    fn the_commands_of_every_request_are_known() {
        assert_eq!(parse("print"), Some(Line::Print(Format::Key)));
        let header = parse("--profile work print --format header --host a.example");
        assert_eq!(header, Some(Line::Print(Format::Header)));
        assert_eq!(parse("--chain a,b api-key-helper --no-input"), Some(Line::ApiKeyHelper));
        assert_eq!(parse("--profile print get"), Some(Line::Get));
    }

    #[test]
    fn what_asks_for_more_than_a_kept_answer_goes_the_long_way() {
        for text in [
            "",
            "print --rejected",
            "print --no-cache",
            "--no-cache print",
            "print -v",
            "--config other.toml print",
            "print --format nope",
            "print --format",
            "print --format env",
            "print --shell fish",
            "--format env",
            "print get",
            "get --help",
            "get --host a.example",
            "--account me print",
            "store",
            "explain",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
