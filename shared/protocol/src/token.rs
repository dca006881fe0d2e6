use thiserror::Error;

use crate::Secret;

/// The longest key that Claude Code accepts from its `apiKeyHelper` setting
/// (<https://code.claude.com/docs/en/settings>).
pub const MAX_TOKEN: usize = 16_384;

/// Why a text is no key. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenProblem {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// The JSON word that `vault`, `jq` and others print for "no such field".
    #[error("it is the word null, which tools print for a missing field")]
    Null,
    /// More than one line.
    #[error("it has more than one line")]
    LineBreak,
    /// A blank inside.
    #[error("it has a blank in it")]
    Blank,
    /// A control character or one that is not ASCII.
    #[error("it has a character that is not printable ASCII")]
    NotPrintable,
    /// More than [`MAX_TOKEN`] characters.
    #[error("it is longer than {MAX_TOKEN} characters")]
    TooLong,
}

/// The one key that a command printed or a file holds: printable ASCII in one piece, white space around it trimmed.
/// This is what Claude Code asks of its `apiKeyHelper`; we ask it of every source of that form.
pub fn parse_token(bytes: &[u8]) -> Result<Secret, TokenProblem> {
    let token = bytes.trim_ascii();
    if token.is_empty() {
        return Err(TokenProblem::Empty);
    }
    if token == b"null" {
        return Err(TokenProblem::Null);
    }
    for byte in token {
        match byte {
            b'\n' | b'\r' => return Err(TokenProblem::LineBreak),
            b' ' | b'\t' => return Err(TokenProblem::Blank),
            b'!'..=b'~' => {}
            _ => return Err(TokenProblem::NotPrintable),
        }
    }
    if token.len() > MAX_TOKEN {
        return Err(TokenProblem::TooLong);
    }
    std::str::from_utf8(token).map(Secret::from).map_err(|_| TokenProblem::NotPrintable)
}

#[cfg(test)]
mod tests {
    use super::{MAX_TOKEN, TokenProblem, parse_token};

    #[test]
    fn white_space_around_a_key_is_trimmed() {
        assert_eq!(parse_token(b" \r\n key\t\n").unwrap().expose(), "key");
    }

    #[test]
    fn what_is_no_key_says_why() {
        for (text, problem) in [
            (&b""[..], TokenProblem::Empty),
            (b" \n ", TokenProblem::Empty),
            (b"null\n", TokenProblem::Null),
            (b"a\nb", TokenProblem::LineBreak),
            (b"a b", TokenProblem::Blank),
            (b"a\x00b", TokenProblem::NotPrintable),
            ("schlüssel".as_bytes(), TokenProblem::NotPrintable),
        ] {
            assert_eq!(parse_token(text).unwrap_err(), problem, "{text:?}");
        }
    }

    #[test]
    fn the_longest_key_is_16384_characters() {
        assert!(parse_token(&vec![b'k'; MAX_TOKEN]).is_ok());
        assert_eq!(parse_token(&vec![b'k'; MAX_TOKEN + 1]).unwrap_err(), TokenProblem::TooLong);
    }
}
