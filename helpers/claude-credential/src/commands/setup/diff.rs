//! The change of a file, line by line, as `diff -u` shows it.

use std::collections::BTreeSet;

use claude_credential_protocol::text;
use diffy::{DiffOptions, Line};

use super::{Edit, mask};

/// Unchanged lines shown around a change.
const CONTEXT: usize = 2;

/// The change of a settings file, with only the strings that are `known`.
pub(crate) fn show_settings(edit: &Edit, known: &dyn Fn(&str) -> bool, colours: bool) -> String {
    show(edit, &|text| mask::json(text, known), colours)
}

/// The change of `config.toml`, with only the strings that setup wrote: those in `written` that are not in `before`.
pub(crate) fn show_config(edit: &Edit, (before, written): &(&str, Vec<&str>), colours: bool) -> String {
    let theirs = mask::toml_strings(before);
    let ours: BTreeSet<&str> = written.iter().flat_map(|written| mask::toml_strings(written)).collect();
    let known = |literal: &str| ours.contains(literal) && !theirs.contains(literal);
    show(edit, &|text| mask::toml(text, &known), colours)
}

fn show(edit: &Edit, masked: &dyn Fn(&str) -> String, colours: bool) -> String {
    let name = edit.target.path.display().to_string();
    unified(&name, &masked(edit.target.text()), &masked(edit.after()), colours)
}

/// How `old` becomes `new`, fit for a terminal. Empty if both are the same.
fn unified(name: &str, old: &str, new: &str, colours: bool) -> String {
    let paint = |code: &str, text: String| if colours { format!("\x1b[{code}m{text}\x1b[0m\n") } else { text + "\n" };
    let mut shown = String::new();
    for hunk in DiffOptions::new().set_context_len(CONTEXT).create_patch(old, new).hunks() {
        if shown.is_empty() {
            let name = text::one_line(name);
            shown = paint("1", format!("--- {name}")) + &paint("1", format!("+++ {name}"));
        }
        shown += &paint("36", format!("@@ -{} +{} @@", hunk.old_range(), hunk.new_range()));
        for line in hunk.lines() {
            let (Line::Context(text) | Line::Delete(text) | Line::Insert(text)) = line;
            shown += &match line {
                Line::Context(_) => [" ", &printable(text), "\n"].concat(),
                Line::Delete(_) => paint("31", format!("-{}", printable(text))),
                Line::Insert(_) => paint("32", format!("+{}", printable(text))),
            };
            if !text.ends_with('\n') {
                shown += "\\ No newline at end of file\n";
            }
        }
    }
    shown
}

/// `line` with its indentation, and without characters that a terminal acts on.
fn printable(line: &str) -> String {
    let rest = line.trim_start_matches([' ', '\t']);
    format!("{}{}", &line[..line.len() - rest.len()], text::one_line(rest))
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let shown = unified("f", "1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nnew\x1b[2J\n6\n", false);
        assert_eq!(shown, "--- f\n+++ f\n@@ -3,4 +3,4 @@\n 3\n 4\n-5\n+new?[2J\n 6\n");
        assert_eq!(unified("f", "1\n", "1\n", true), "");
        let shown = unified("f", "1", "1\n", false);
        assert_eq!(shown, "--- f\n+++ f\n@@ -1 +1 @@\n-1\n\\ No newline at end of file\n+1\n");
    }

    #[test]
    fn lines_that_end_in_crlf_are_compared_whole() {
        let shown = unified("f", "a\r\nb\r\n", "a\r\nc\r\nb\r\n", false);
        assert_eq!(shown, "--- f\n+++ f\n@@ -1,2 +1,3 @@\n a\n+c\n b\n");
    }
}
