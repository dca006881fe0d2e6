//! Masks the files that setup shows: any string or comment of the user may hold a key.

use std::collections::BTreeSet;

use toml_edit::DocumentMut;

use super::settings;

/// What a piece of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    String,
    Comment,
    Other,
}

/// `text`, which may be JSON, with "…" for each comment and for each string that is neither a name nor `known`.
pub(crate) fn json(text: &str, known: &dyn Fn(&str) -> bool) -> String {
    if settings::value(text).is_none() {
        return lines(text);
    }
    let pieces = pieces(text, &['"', '/']);
    let mut shown = String::with_capacity(text.len());
    for (at, (kind, piece)) in pieces.iter().enumerate() {
        let is_name = || pieces[at + 1..].iter().map(|(_, piece)| piece.trim_start()).find(|piece| !piece.is_empty());
        let is_name = *kind == Kind::String && is_name().is_some_and(|after| after.starts_with(':'));
        shown += &if is_name { (*piece).to_owned() } else { masked(*kind, piece, known) };
    }
    shown
}

/// `text`, which may be TOML, with "…" for each comment and for each string that is not `known`.
pub(crate) fn toml(text: &str, known: &dyn Fn(&str) -> bool) -> String {
    if text.parse::<DocumentMut>().is_err() {
        return lines(text);
    }
    toml_pieces(text).into_iter().map(|(kind, piece)| masked(kind, piece, known)).collect()
}

/// "…" for each line of an invalid file, in which strings can't be told from the rest.
fn lines(text: &str) -> String {
    text.split_inclusive('\n').map(|line| if line.ends_with('\n') { "…\n" } else { "…" }).collect()
}

/// The strings of a TOML file, with their quotes.
pub(crate) fn toml_strings(text: &str) -> BTreeSet<&str> {
    toml_pieces(text).into_iter().filter(|(kind, _)| *kind == Kind::String).map(|(_, piece)| piece).collect()
}

/// The comments of a TOML file, in order.
pub(crate) fn toml_comments(text: &str) -> Vec<&str> {
    toml_pieces(text).into_iter().filter(|(kind, _)| *kind == Kind::Comment).map(|(_, piece)| piece).collect()
}

/// A piece with as many lines as before, so that lines keep their numbers.
fn masked(kind: Kind, piece: &str, known: &dyn Fn(&str) -> bool) -> String {
    let lines = "\n".repeat(piece.matches('\n').count());
    match kind {
        Kind::String if !known(piece) => format!("\"…{lines}\""),
        Kind::Comment if piece.starts_with("/*") => format!("/* …{lines} */"),
        Kind::Comment => format!("{} …", if piece.starts_with('#') { "#" } else { "//" }),
        _ => piece.to_owned(),
    }
}

fn toml_pieces(text: &str) -> Vec<(Kind, &str)> {
    pieces(text, &['"', '\'', '#'])
}

/// `text` as strings, comments, and what is between. A string or comment begins with one of `starts`.
fn pieces<'a>(text: &'a str, starts: &[char]) -> Vec<(Kind, &'a str)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = match first {
            _ if !starts.contains(&first) => (Kind::Other, rest.find(starts).unwrap_or(rest.len())),
            '"' | '\'' => (Kind::String, string_length(rest, first)),
            '/' if rest.starts_with("/*") => (Kind::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2)),
            _ => (Kind::Comment, rest.find(['\n', '\r']).unwrap_or(rest.len())),
        };
        let (piece, after) = rest.split_at(length);
        pieces.push((kind, piece));
        rest = after;
    }
    pieces
}

/// The length of the string that `text` begins with. Three quotes begin one of TOML only.
fn string_length(text: &str, quote: char) -> usize {
    let three = quote.to_string().repeat(3);
    let (skip, end) = if text.starts_with(&three) { (3, three.as_str()) } else { (1, &three[..1]) };
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(skip) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if text[at..].starts_with(end) => {
                // A string in three quotes may end with up to two quotes of its own.
                let more = text[at + end.len()..].chars().take_while(|c| *c == quote).count();
                return at + end.len() + if skip == 3 { more.min(2) } else { 0 };
            }
            _ => {}
        }
    }
    text.len()
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
