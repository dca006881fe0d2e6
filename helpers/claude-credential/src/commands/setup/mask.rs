//! Masks the files that setup shows: any string or comment of the user may hold a key.

use std::collections::BTreeSet;
use std::ops::Range;

use jsonc_parser::tokens::Token;
use jsonc_parser::{Scanner, ScannerOptions};
use toml_edit::DocumentMut;
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::settings::{self, BOM};

/// `text`, which may be JSON, with "…" for each comment and for each string that is neither a name nor `known`.
pub(crate) fn json(text: &str, known: &dyn Fn(&str) -> bool) -> String {
    match text.strip_prefix(BOM) {
        Some(text) => BOM.to_owned() + &json(text, known),
        None => masked(text, settings::value(text).and_then(|_| json_pieces(text)), known),
    }
}

/// `text`, which may be TOML, with "…" for each comment and for each string that is not `known`.
pub(crate) fn toml(text: &str, known: &dyn Fn(&str) -> bool) -> String {
    masked(text, text.parse::<DocumentMut>().ok().map(|_| toml_pieces(text).collect()), known)
}

/// The strings of a TOML file, with their quotes.
pub(crate) fn toml_strings(text: &str) -> BTreeSet<&str> {
    toml_pieces(text).map(|place| &text[place]).filter(|piece| !piece.starts_with('#')).collect()
}

/// The comments of a TOML file, in order.
pub(crate) fn toml_comments(text: &str) -> Vec<&str> {
    toml_pieces(text).map(|place| &text[place]).filter(|piece| piece.starts_with('#')).collect()
}

/// `text` with as many lines as before, so that lines keep their numbers. In an invalid file, which has no `pieces`,
/// strings can't be told from the rest.
fn masked(text: &str, pieces: Option<Vec<Range<usize>>>, known: &dyn Fn(&str) -> bool) -> String {
    let Some(pieces) = pieces else {
        return text.split_inclusive('\n').map(|line| if line.ends_with('\n') { "…\n" } else { "…" }).collect();
    };
    let (mut shown, mut end) = (String::new(), 0);
    for place in pieces {
        let piece = &text[place.clone()];
        let lines = "\n".repeat(piece.matches('\n').count());
        let piece = match piece.as_bytes() {
            [b'#', ..] => "# …".to_owned(),
            [b'/', b'*', ..] => format!("/* …{lines} */"),
            [b'/', ..] => "// …".to_owned(),
            _ if known(piece) => piece.to_owned(),
            _ => format!("\"…{lines}\""),
        };
        shown.extend([&text[end..place.start], &piece]);
        end = place.end;
    }
    shown + &text[end..]
}

/// The strings, except names, and the comments. `None` if `text` is not valid.
fn json_pieces(text: &str) -> Option<Vec<Range<usize>>> {
    let mut scanner = Scanner::new(text, &ScannerOptions::default());
    let mut pieces: Vec<Range<usize>> = Vec::new();
    while let Some(token) = scanner.scan().ok()? {
        match token {
            Token::String(_) | Token::CommentLine(_) | Token::CommentBlock(_) => {
                pieces.push(scanner.token_start()..scanner.token_end());
            }
            Token::Colon => {
                // The string in front of it was a name.
                let name = pieces.iter().rposition(|piece| text[piece.clone()].starts_with('"'))?;
                pieces.remove(name);
            }
            _ => {}
        }
    }
    Some(pieces)
}

/// The strings and the comments.
fn toml_pieces(text: &str) -> impl Iterator<Item = Range<usize>> {
    let is_piece = |kind: TokenKind| kind == TokenKind::Comment || kind.encoding().is_some();
    let tokens = Source::new(text).lex().filter(move |token| is_piece(token.kind()));
    tokens.map(|token| token.span().start()..token.span().end())
}

#[cfg(test)]
mod tests {
    use super::{json, toml};

    #[test]
    fn names_and_what_we_wrote_are_shown_and_nothing_else() {
        let text = "{ // CANARY\n \"a\": \"CANARY \\\" CANARY\", /* CANARY\nCANARY */ \"b\" : [\"CANARY\", 1, true],\n\"c\": \"ours\" }";
        let shown = json(text, &|value| value == "\"ours\"");
        assert_eq!(shown, "{ // …\n \"a\": \"…\", /* …\n */ \"b\" : [\"…\", 1, true],\n\"c\": \"ours\" }");
        for invalid in ["{'CANARY': 1}\n", "\"a\": \"b\" CANARY\", \"c\"\n", "CANARY\n"] {
            assert_eq!(json(invalid, &|_| true), "…\n");
        }
    }

    #[test]
    fn of_a_configuration_names_and_what_we_wrote_are_shown_and_nothing_else() {
        let text = "# CANARY\n[entry.x] # CANARY\nshell = 'CANARY # \\'\na = [\"CANARY \\\" CANARY\", \"ours\", 1]\nb = \"\"\"\nCANARY \\\"\"\" CANARY\"\"\"\"\nc = ''\n";
        let shown = toml(text, &|literal| literal == "\"ours\"");
        assert_eq!(shown, "# …\n[entry.x] # …\nshell = \"…\"\na = [\"…\", \"ours\", 1]\nb = \"…\n\"\nc = \"…\"\n");
        assert_eq!(toml("a = CANARY\nb", &|_| true), "…\n…");
    }
}
