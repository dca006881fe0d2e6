//! How a failure shows what went over a helper's streams: in few lines, and without secrets.

use std::collections::BTreeSet;

use crate::Canary;

/// A message of the battery can have 1,100 lines, and a line 200,000 bytes.
const MAX_LINES: usize = 8;
const MAX_LINE: usize = 100;

const HIDDEN: &str = "[hidden]";

/// The keys of an answer that hold no secret.
const OPEN_KEYS: [&str; 16] = [
    "protocol",
    "host",
    "path",
    "url",
    "username",
    "capability[]",
    "authtype",
    "ephemeral",
    "quit",
    "password_expiry_utc",
    "claude.kind",
    "claude.source",
    "claude.account",
    "claude.project",
    "claude.quota_project",
    "claude.region",
];

/// A word of this length with letters and digits may be a key that the helper never gave as an answer.
const MIN_KEY: usize = 16;

/// Knows the secrets of one exchange: those that the sandbox made up and those in the answer.
#[derive(Debug)]
pub(crate) struct Hider<'a> {
    canary: &'a Canary,
    answered: BTreeSet<&'a str>,
}

impl<'a> Hider<'a> {
    pub(crate) fn new(canary: &'a Canary, stdout: &'a str) -> Self {
        let fields = stdout.lines().filter_map(|line| line.split_once('='));
        let secrets = fields.filter(|(key, value)| !OPEN_KEYS.contains(key) && value.len() >= 4);
        Self { canary, answered: secrets.map(|(_, value)| value.trim()).collect() }
    }

    /// A text of the battery or of the user.
    pub(crate) fn text(&self, text: &str) -> String {
        self.words(text, |_| false)
    }

    /// A line of stdout: the value of a key that is not known to be open is hidden, and so is a line without a key.
    pub(crate) fn answer_line(&self, line: &str) -> String {
        match line.split_once('=') {
            Some((key, _)) if OPEN_KEYS.contains(&key) => self.text(line),
            Some((key, "")) => format!("{}=", self.text(key)),
            Some((key, _)) => format!("{}={HIDDEN}", self.message_line(key)),
            None if line.is_empty() || line == "version 0" || line.starts_with("capability ") => self.text(line),
            None => HIDDEN.to_owned(),
        }
    }

    /// A line of stderr.
    pub(crate) fn message_line(&self, line: &str) -> String {
        self.words(line, |word| {
            word.len() >= MIN_KEY
                && !word.starts_with('/')
                && word.contains(|character: char| character.is_ascii_digit())
                && word.contains(|character: char| character.is_ascii_alphabetic())
        })
    }

    fn words(&self, text: &str, looks_secret: impl Fn(&str) -> bool) -> String {
        let text = self.answered.iter().fold(text.to_owned(), |text, secret| text.replace(secret, HIDDEN));
        let ends_word = |character: char| character.is_whitespace() || "=,;'\"`()".contains(character);
        let hide = |part: &str| {
            let word = part.trim_end_matches(ends_word);
            if self.canary.is_in(word.as_bytes()) || looks_secret(word) {
                format!("{HIDDEN}{}", &part[word.len()..])
            } else {
                part.to_owned()
            }
        };
        text.split_inclusive(ends_word).map(hide).collect()
    }
}

/// The lines of `text` under a title, each made harmless by `show`, and what is too long cut.
pub(crate) fn block(title: &str, text: &str, show: impl Fn(&str) -> String) -> String {
    if text.is_empty() {
        return format!("{title}: nothing");
    }
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    let mut shown = vec![format!("{title}:")];
    shown.extend(lines.iter().take(MAX_LINES).map(|line| shortened(&show(line), line.len())));
    if let Some(more) = lines.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
        shown.push(format!("… {more} more lines"));
    }
    let end = if text.ends_with('\n') { "" } else { " (no line end)" };
    shown.join("\n    ") + end
}

fn shortened(shown: &str, bytes: usize) -> String {
    let shown: String = shown.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'");
    if shown.is_empty() {
        return "(empty line)".to_owned();
    }
    match shown.char_indices().nth(MAX_LINE) {
        Some((end, _)) => format!("{}… ({bytes} bytes)", &shown[..end]),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Hider, block};
    use crate::Canary;

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        let canary = Canary::new();
        let stdout = "username=oauth2\npassword=hunter22\nsk-live-0123456789abcdef\n";
        let hider = Hider::new(&canary, stdout);
        let shown = block("stdout", stdout, |line| hider.answer_line(line));
        assert_eq!(shown, "stdout:\n    username=oauth2\n    password=[hidden]\n    [hidden]");
        let said = hider.message_line("can't use hunter22 or sk-live-0123456789abcdef, line 3");
        assert_eq!(said, "can't use [hidden] or [hidden], line 3");
        assert_eq!(hider.text(&format!("password={}", canary.secret("made-up"))), "password=[hidden]");
    }

    #[test]
    fn what_is_long_is_cut() {
        let line = format!("future={}\n", "x".repeat(70_000));
        let shown = block("sent", &line.repeat(1000), str::to_owned);
        assert!(shown.len() < 1200, "{}", shown.len());
        assert!(shown.contains("(70007 bytes)") && shown.ends_with("… 992 more lines"), "{shown}");
    }

    #[test]
    fn control_characters_are_shown_as_escapes() {
        assert_eq!(block("sent", "host=a\r\n\n", str::to_owned), "sent:\n    host=a\\r\n    (empty line)");
    }
}
