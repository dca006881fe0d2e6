//! The change of a file, line by line, as `diff -u` shows it.

use std::io::{self, IsTerminal};

use claude_credential_config::Environment;
use claude_credential_protocol::text;

/// Unchanged lines around a change.
const AROUND: usize = 2;

/// Above so many pairs of lines what changed is shown as one piece.
const MAX_PAIRS: usize = 4_000_000;

/// One line of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// How `old` becomes `new`.
pub(crate) fn lines<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let shared = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let head = shared(&mut old.iter().zip(&new));
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = shared(&mut old_rest.iter().rev().zip(new_rest.iter().rev()));
    let (gone, came) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    let mut lines: Vec<Line> = old[..head].iter().map(|line| Line::Same(line)).collect();
    middle(gone, came, &mut lines);
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// By the longest common subsequence.
fn middle<'a>(old: &[&'a str], new: &[&'a str], lines: &mut Vec<Line<'a>>) {
    if old.len() * new.len() > MAX_PAIRS {
        lines.extend(old.iter().map(|line| Line::Gone(line)).chain(new.iter().map(|line| Line::New(line))));
        return;
    }
    let width = new.len() + 1;
    let mut longest = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i * width + j] = if old[i] == new[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < old.len() && (j == new.len() || longest[(i + 1) * width + j] >= longest[i * width + j + 1]) {
            lines.push(Line::Gone(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
}

/// The whole of it, fit for a terminal; nothing where nothing changed.
pub(crate) fn unified(name: &str, old: &str, new: &str, colours: bool) -> String {
    let lines = lines(old, new);
    let is_change = |line: &Line| !matches!(line, Line::Same(_));
    if !lines.iter().any(is_change) {
        return String::new();
    }
    let name = text::one_line(name);
    let paint = |code: &str, text: String| if colours { format!("\x1b[{code}m{text}\x1b[0m\n") } else { text + "\n" };
    let mut shown = paint("1", format!("--- {name}")) + &paint("1", format!("+++ {name}"));
    let (mut old_line, mut new_line) = (1, 1);
    let mut is_open = false;
    for (at, line) in lines.iter().enumerate() {
        let near = lines[at.saturating_sub(AROUND)..lines.len().min(at + AROUND + 1)].iter().any(is_change);
        if near && !is_open {
            shown += &paint("36", format!("@@ -{old_line} +{new_line} @@"));
        }
        is_open = near;
        if near {
            shown += &match line {
                Line::Same(line) => [" ", &printable(line), "\n"].concat(),
                Line::Gone(line) => paint("31", format!("-{}", printable(line))),
                Line::New(line) => paint("32", format!("+{}", printable(line))),
            };
        }
        old_line += usize::from(!matches!(line, Line::New(_)));
        new_line += usize::from(!matches!(line, Line::Gone(_)));
    }
    shown
}

/// With its indentation, and nothing that a terminal would act on.
fn printable(line: &str) -> String {
    let rest = line.trim_start_matches([' ', '\t']);
    let end = if line.ends_with('\n') { "" } else { "\n\\ no newline at the end" };
    format!("{}{}{end}", &line[..line.len() - rest.len()], text::one_line(rest))
}

/// Whether stderr takes colours (<https://no-color.org>).
pub(crate) fn are_colours_wanted(environment: &Environment) -> bool {
    let plain = environment.get_os("NO_COLOR").is_some() || environment.get("TERM") == Some("dumb");
    io::stderr().is_terminal() && !plain
}

#[cfg(test)]
mod tests {
    use super::{Line, lines, unified};

    #[test]
    fn both_files_come_out_of_what_is_shown() {
        for (old, new) in [
            ("", "a\n"),
            ("a\nb\nc\n", "a\nx\nc"),
            ("a\nb\nc\nd\n", "b\nd\ne\n"),
            ("a\r\nb\r\n", "a\r\nc\r\nb\r\n"),
            ("same", "same"),
        ] {
            let lines = lines(old, new);
            let of = |wanted: fn(&Line) -> Option<String>| lines.iter().filter_map(wanted).collect::<String>();
            let before = of(|line| match line {
                Line::Same(text) | Line::Gone(text) => Some((*text).to_owned()),
                Line::New(_) => None,
            });
            let after = of(|line| match line {
                Line::Same(text) | Line::New(text) => Some((*text).to_owned()),
                Line::Gone(_) => None,
            });
            assert_eq!((before.as_str(), after.as_str()), (old, new));
        }
    }

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let shown = unified("f", "1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\nnew\x1b[2J\n6\n", false);
        assert_eq!(shown, "--- f\n+++ f\n@@ -3 +3 @@\n 3\n 4\n-5\n+new?[2J\n 6\n");
        assert_eq!(unified("f", "1\n", "1\n", true), "");
        let shown = unified("f", "1", "1\n", false);
        assert_eq!(shown, "--- f\n+++ f\n@@ -1 +1 @@\n-1\n\\ no newline at the end\n+1\n");
    }
}
