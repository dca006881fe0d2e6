//! `config.toml` fit to be shown: a key may stand in any string or comment of the user's.

use std::collections::BTreeSet;

use toml_edit::DocumentMut;

use super::mask::string_length;

/// `text` with "…" for every string that is not `known`, and for comments.
pub(crate) fn masked(text: &str, known: &dyn Fn(&str) -> bool) -> String {
    // What is no TOML has no strings that could be told from the rest.
    if text.parse::<DocumentMut>().is_err() {
        return text.split_inclusive('\n').map(|line| if line.ends_with('\n') { "…\n" } else { "…" }).collect();
    }
    let mut shown = String::with_capacity(text.len());
    for piece in pieces(text) {
        // As many lines as before, so that lines keep their numbers.
        let lines = piece.matches('\n').count();
        match piece.chars().next() {
            Some('#') => shown.push_str("# …"),
            Some('"' | '\'') if !known(piece) => {
                shown.push_str("\"…");
                shown.push_str(&"\n".repeat(lines));
                shown.push('"');
            }
            _ => shown.push_str(piece),
        }
    }
    shown
}

/// The strings of a file, as they stand there.
pub(crate) fn strings(text: &str) -> BTreeSet<&str> {
    pieces(text).into_iter().filter(|piece| piece.starts_with(['"', '\''])).collect()
}

/// `text` as strings, comments, and what is between.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '#' => rest.find(['\n', '\r']).unwrap_or(rest.len()),
            '"' | '\'' => string_length(rest, c),
            _ => rest.find(['#', '"', '\'']).unwrap_or(rest.len()),
        };
        let (piece, after) = rest.split_at(length);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn names_and_what_we_wrote_are_shown_and_nothing_else() {
        let text = "# CANARY\n[entry.x] # CANARY\nshell = 'CANARY # \\'\na = [\"CANARY \\\" CANARY\", \"ours\", 1]\nb = \"\"\"\nCANARY \\\"\"\" CANARY\"\"\"\"\nc = ''\n";
        let shown = masked(text, &|literal| literal == "\"ours\"");
        assert_eq!(shown, "# …\n[entry.x] # …\nshell = \"…\"\na = [\"…\", \"ours\", 1]\nb = \"…\n\"\nc = \"…\"\n");
        assert_eq!(masked("a = CANARY\nb", &|_| true), "…\n…");
    }
}
