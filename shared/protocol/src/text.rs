//! Foreign text, made safe to show in a terminal.

mod shown;

pub(crate) use shown::is_key_like;
pub use shown::{is_region, is_secret_like, shown, shown_path, without_hidden};

/// The most that one message shows of foreign text.
const MAX_SHOWN: usize = 1000;

/// `text` on one line, with nothing in it that a terminal would act on: control characters and the marks that
/// reorder or hide text become `?`. (CVE-2024-50349 and CVE-2024-52005 of git are of this class.)
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut shown: String = text.trim().chars().take(MAX_SHOWN).map(|c| if acts(c) { '?' } else { c }).collect();
    if text.trim().chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The same for several lines: their ends and all blanks stay, and nothing is cut.
#[must_use]
pub fn lines(text: &str) -> String {
    text.chars().map(|c| if acts(c) && c != '\n' { '?' } else { c }).collect()
}

/// JSON in which everything that a terminal would act on is escaped. A reader gets the same values.
#[must_use]
pub fn json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) && c != '\n' {
            // Between the strings there is no such character.
            shown.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The last line of a program's stderr that says something, fit to be shown.
#[must_use]
pub fn last_line(stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    text.lines().rev().map(one_line).find(|line| !line.is_empty())
}

/// As [`last_line`], for a program of this suite: without its name, since the caller puts another in front.
#[must_use]
pub fn last_line_of_ours(stderr: &[u8]) -> Option<String> {
    let line = last_line(stderr)?;
    Some(match line.split_once(": ") {
        Some((name, said)) if name == "claude-credential" || name.starts_with("claude-credential-") => said.to_owned(),
        _ => line,
    })
}

/// A word of a command line as a shell needs it, for a line that the user may paste.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+:/=,%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::{json, last_line, last_line_of_ours, lines, one_line, quoted};

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_act_on() {
        assert_eq!(one_line("a\x1b[2Jb\r\nc\u{202E}d\u{2028}e"), "a?[2Jb??c?d?e");
    }

    #[test]
    fn lines_keep_their_ends_and_json_its_values() {
        assert_eq!(lines(" a\x1b[2J\r\n\u{85}\n"), " a?[2J?\n?\n");
        let value = serde_json::json!({ "a": "\u{9b}2J \u{202e}\u{e0041}\x1b\n\u{7f}é" });
        let shown = json(&format!("{value:#}\n"));
        assert!(shown.is_ascii() || shown.replace('é', "").is_ascii(), "{shown}");
        assert!(!shown.contains('\u{7f}') && shown.ends_with("\n}\n"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(one_line(&"x".repeat(5000)).chars().count(), 1001);
    }

    #[test]
    fn the_last_line_that_says_something_is_shown() {
        assert_eq!(last_line(b"first\nsecond\n\n  \n").as_deref(), Some("second"));
        assert_eq!(last_line(b"\n"), None);
    }

    #[test]
    fn a_word_that_is_pasted_is_one_word() {
        for (word, pasted) in
            [("work", "work"), ("my work", "'my work'"), ("a;b", "'a;b'"), ("it's", r"'it'\''s'"), ("", "''")]
        {
            assert_eq!(quoted(word), pasted);
        }
    }

    #[test]
    fn of_our_own_programs_the_name_is_left_out() {
        for (line, said) in [
            ("claude-credential-oauth: expired; run: x", "expired; run: x"),
            ("claude-credential: no", "no"),
            ("claude-credentials: no", "claude-credentials: no"),
            ("no name", "no name"),
        ] {
            assert_eq!(last_line_of_ours(line.as_bytes()).as_deref(), Some(said));
        }
    }
}
