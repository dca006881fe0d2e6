use thiserror::Error;

use crate::Secret;

/// The longest key that Claude Code accepts from its `apiKeyHelper` setting
/// (<https://code.claude.com/docs/en/settings>).
pub const MAX_TOKEN: usize = 16_384;

/// Of UTF-8 and of UTF-16 in either order.
const BYTE_ORDER_MARKS: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFE\xFF", b"\xFF\xFE"];

/// Why a text is no key. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenProblem {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// The JSON word that `vault`, `jq` and others print for "no such field".
    #[error("it is the word null, which tools print for a missing field")]
    Null,
    /// What editors of other systems put in front of a text.
    #[error("it begins with a byte order mark; save it without one, as plain ASCII")]
    ByteOrderMark,
    /// Quotes around all of it.
    #[error("it has quotes around it, as `docker --env-file` keeps them; leave them out")]
    Quoted,
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
    if BYTE_ORDER_MARKS.iter().any(|mark| token.starts_with(mark)) {
        return Err(TokenProblem::ByteOrderMark);
    }
    // Before what is inside: quotes are written for the sake of blanks.
    if let [first @ (b'"' | b'\''), inner @ .., last] = token
        && first == last
        && !inner.contains(first)
    {
        return Err(TokenProblem::Quoted);
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
            ("\u{FEFF}key\n".as_bytes(), TokenProblem::ByteOrderMark),
            (b"\xFF\xFEk\0e\0y\0", TokenProblem::ByteOrderMark),
            (b"\"key\"\n", TokenProblem::Quoted),
            (b"'a key'", TokenProblem::Quoted),
        ] {
            assert_eq!(parse_token(text).unwrap_err(), problem, "{text:?}");
        }
    }

    #[test]
    fn a_quote_that_is_part_of_a_secret_is_no_problem() {
        for secret in ["\"", "a\"b\"", "\"a'", "\"a\"b\""] {
            assert_eq!(parse_token(secret.as_bytes()).unwrap().expose(), secret);
        }
    }

    #[test]
    fn the_longest_key_is_16384_characters() {
        assert!(parse_token(&vec![b'k'; MAX_TOKEN]).is_ok());
        assert_eq!(parse_token(&vec![b'k'; MAX_TOKEN + 1]).unwrap_err(), TokenProblem::TooLong);
    }
}
