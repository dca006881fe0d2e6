//! Settings fit to be shown: a key may stand in any value or comment of the user's.

/// `text`, which is known to be JSON, with "…" for every string that is no name and not `known`, and for comments.
pub(crate) fn masked(text: &str, known: &dyn Fn(&str) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (length, is_comment) = match c {
            '"' => (string_length(rest, c), false),
            '/' if rest.starts_with("//") => (rest.find(['\n', '\r']).unwrap_or(rest.len()), true),
            '/' if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), true),
            _ => {
                shown.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
        };
        let (piece, after) = rest.split_at(length);
        let is_name = !is_comment && after.trim_start().starts_with(':');
        if is_name || (!is_comment && known(piece)) {
            shown.push_str(piece);
        } else if is_comment {
            // As many lines as before, so that lines keep their numbers.
            let (open, close) = if piece.starts_with("//") { ("// …", "") } else { ("/* …", " */") };
            shown.push_str(open);
            shown.extend(piece.chars().filter(|c| *c == '\n'));
            shown.push_str(close);
        } else {
            shown.push_str("\"…\"");
        }
        rest = after;
    }
    shown
}

/// The length of the string that `text` begins with, in TOML or in JSON, where no three quotes stand together.
pub(super) fn string_length(text: &str, quote: char) -> usize {
    let three = quote.to_string().repeat(3);
    let (skip, end) = if text.starts_with(&three) { (3, three.as_str()) } else { (1, &three[..1]) };
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(skip) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if text[at..].starts_with(end) => {
                // Two quotes more may belong to what three of them end.
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
    use super::masked;

    #[test]
    fn names_and_what_we_wrote_are_shown_and_nothing_else() {
        let text = "{ // CANARY\n \"a\": \"CANARY \\\" CANARY\", /* CANARY\nCANARY */ \"b\" : [\"CANARY\", 1, true],\n\"c\": \"ours\" }";
        let shown = masked(text, &|value| value == "\"ours\"");
        assert_eq!(shown, "{ // …\n \"a\": \"…\", /* …\n */ \"b\" : [\"…\", 1, true],\n\"c\": \"ours\" }");
    }
}
