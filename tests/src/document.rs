//! Documents whose examples run. In Markdown, a block marked `sh` or `bash` is run by that shell under `-eu`; one marked
//! `console` holds commands after `$ ` (going on after `> `), and beneath each what it prints. `? 65` there is the exit
//! code, where it is not 0; `…` stands for any text of a line, and alone on a line for any lines.

use std::fs;
use std::path::Path;

use crate::Sandbox;

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The words after the fence.
    pub tag: String,
    /// The line of its fence in the document.
    pub line: usize,
    /// What is in it.
    pub text: String,
}

/// A command of a `console` block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is run.
    pub command: String,
    /// How it ends.
    pub code: i32,
    /// What it prints, stdout and stderr.
    pub expected: String,
}

/// The fenced blocks of a document.
#[must_use]
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (number, line) in markdown.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(tag), false) => {
                found.push(Block { tag: tag.trim().to_owned(), line: number + 1, text: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = found.last_mut().expect("an open block");
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    found
}

/// The commands of a `console` block.
#[must_use]
pub fn steps(console: &str) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    for line in console.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            found.push(Step { command: command.to_owned(), code: 0, expected: String::new() });
            continue;
        }
        let step = found.last_mut().unwrap_or_else(|| panic!("a console block begins with `$ `: {console:?}"));
        match (line.strip_prefix("> "), line.strip_prefix("? ")) {
            (Some(more), _) if step.expected.is_empty() => {
                step.command.push('\n');
                step.command.push_str(more);
            }
            (_, Some(code)) if step.expected.is_empty() => step.code = code.parse().expect("an exit code"),
            _ => {
                step.expected.push_str(line);
                step.expected.push('\n');
            }
        }
    }
    found
}

/// Whether `actual` is what `expected` says. Empty lines at the ends do not count.
#[must_use]
pub fn matches(expected: &str, actual: &str) -> bool {
    let lines = |text: &str| text.trim_matches('\n').lines().map(str::to_owned).collect::<Vec<_>>();
    lines_match(&lines(expected), &lines(actual))
}

fn lines_match(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((line, rest)) if line == "…" => (0..=actual.len()).any(|skipped| lines_match(rest, &actual[skipped..])),
        Some((line, rest)) => {
            actual.split_first().is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others))
        }
    }
}

fn line_matches(expected: &str, actual: &str) -> bool {
    let Some((head, tail)) = expected.split_once('…') else { return expected == actual };
    let Some(rest) = actual.strip_prefix(head) else { return false };
    rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| line_matches(tail, &rest[at..]))
}

/// Runs the `console` blocks of the document at `path` in one sandbox, each command by `/bin/sh`; what is not as it says.
#[must_use]
pub fn differences(path: &Path, sandbox: &Sandbox) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let consoles: Vec<Block> = blocks(&text).into_iter().filter(|block| block.tag == "console").collect();
    assert!(!consoles.is_empty(), "{} has no example", path.display());
    let mut found = Vec::new();
    for block in consoles {
        for step in steps(&block.text) {
            let output = sandbox.call("/bin/sh", &["-c", &format!("exec 2>&1\n{}", step.command)]).shows_secret().run();
            if output.code() != Some(step.code) || !matches(&step.expected, &output.stdout) {
                let place = format!("{}, block at line {}", path.display(), block.line);
                found.push(format!(
                    "{place}: {}\nexpected, exit {}:\n{}\nfound, exit {:?}:\n{}",
                    step.command,
                    step.code,
                    step.expected,
                    output.code(),
                    output.stdout
                ));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Step, blocks, matches, steps};

    #[test]
    fn a_block_knows_its_tag_and_its_line() {
        let found = blocks("text\n```sh\nls\n```\n\n```console\n$ ls\n```\n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].tag.as_str(), found[1].line, found[1].text.as_str()), ("console", 6, "$ ls\n"));
    }

    #[test]
    fn a_console_block_is_commands_and_what_they_print() {
        let step =
            |command: &str, code, expected: &str| Step { command: command.into(), code, expected: expected.into() };
        let found = steps("$ one \\\n> more\n? 65\nfirst\n\nsecond\n$ two\n");
        assert_eq!(found, [step("one \\\nmore", 65, "first\n\nsecond\n"), step("two", 0, "")]);
    }

    #[test]
    fn an_ellipsis_stands_for_text_or_lines() {
        assert!(matches("a…c\n", "abbc\n"));
        assert!(matches("a\n…\nd\n", "a\nb\nc\nd\n\n"));
        assert!(matches("…\n", ""));
        assert!(!matches("a…c\n", "abbd\n"));
        assert!(!matches("a\n", "a\nb\n"));
    }
}
