//! The command lines of settings, read as a shell reads them, as far as it takes to see which programs they run.

use std::iter::Peekable;
use std::str::Chars;

use crate::model::Program;

/// Words that run the words after them.
const WRAPPERS: [&str; 20] = [
    "sh", "bash", "dash", "zsh", "ksh", "busybox", "exec", "command", "eval", "time", "timeout", "env", "nice",
    "nohup", "sudo", "doas", "setsid", "stdbuf", "ionice", "chronic",
];

/// Those whose words are themselves command lines.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "zsh", "ksh", "busybox", "eval"];

/// Words of the shell's own language after which a command stands.
const RESERVED: [&str; 9] = ["if", "then", "elif", "else", "while", "until", "do", "!", "{"];

/// Options of wrappers that have a value: who runs it, which signal ends it.
const WITH_VALUE: [&str; 4] = ["-u", "-g", "-s", "-k"];

/// Whether the text of a setting runs one of our executables. Only where a command stands: `pass show
/// claude-credential` is the user's own command, and to skip it would give out another key without notice. A script
/// that runs us is recognised when it does.
#[must_use]
pub fn leads_to_us(command: &str) -> bool {
    simple_commands(command).iter().any(|words| {
        let (mut in_shell, mut has_wrapper) = (false, false);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.rsplit('/').next().unwrap_or_default();
            if has_wrapper && WITH_VALUE.contains(&word.as_str()) {
                words.next();
            } else if WRAPPERS.contains(&name) {
                has_wrapper = true;
                in_shell |= SHELLS.contains(&name);
            } else if !(RESERVED.contains(&word.as_str())
                || is_assignment(word)
                || word.starts_with('-')
                || is_measure(word))
            {
                let is_ours = ["git-credential-claude", "claude-credential"].contains(&name);
                return is_ours
                    || Program::is_suite_executable(name)
                    || (in_shell && word != command && leads_to_us(word));
            }
        }
        false
    })
}

/// `NAME=value`, before a command.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name).unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `20`, `1.5`, `20s`, `+5`: what `timeout` and `nice` take.
fn is_measure(word: &str) -> bool {
    let number = word.trim_start_matches('+').trim_end_matches(['s', 'm', 'h', 'd']);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// The words of each command in a text, without quotes, comments and redirections. Nothing is expanded.
#[must_use]
pub fn simple_commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = Commands::default();
    commands.read(&mut text.chars().peekable(), None);
    commands.end_command();
    commands.done
}

#[derive(Default)]
struct Commands {
    done: Vec<Vec<String>>,
    words: Vec<String>,
    /// The word that is being read; a pair of quotes makes one that may be empty.
    word: Option<String>,
    /// The next word is the file of a redirection.
    is_file: bool,
}

impl Commands {
    /// Reads to the end, or to the `)` or backtick that closes a substitution.
    fn read(&mut self, rest: &mut Peekable<Chars<'_>>, close: Option<char>) {
        while let Some(c) = rest.next() {
            match c {
                c if Some(c) == close => return self.end_command(),
                '\'' => rest.by_ref().take_while(|c| *c != '\'').for_each(|c| self.push(c)),
                '"' => self.quoted(rest),
                '\\' => match rest.next() {
                    Some('\n') | None => {}
                    Some(c) => self.push(c),
                },
                '#' if self.word.is_none() => while rest.next_if(|c| *c != '\n').is_some() {},
                ' ' | '\t' => self.end_word(),
                '<' | '>' => {
                    // The number in front of it is a descriptor's.
                    self.word = self.word.take().filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
                    self.end_word();
                    while rest.next_if(|c| "<>&|".contains(*c)).is_some() {}
                    self.is_file = true;
                }
                '(' => self.substitution(rest, ')'),
                '`' => self.substitution(rest, '`'),
                ';' | '|' | '&' | ')' | '\n' | '\r' => self.end_command(),
                c => self.push(c),
            }
            if matches!(c, '\'' | '"') {
                self.word.get_or_insert_default();
            }
        }
    }

    /// Between double quotes, where a substitution runs commands all the same.
    fn quoted(&mut self, rest: &mut Peekable<Chars<'_>>) {
        while let Some(c) = rest.next() {
            match c {
                '"' => return,
                '\\' => match rest.next() {
                    Some('\n') | None => {}
                    Some(c) if "\"\\$`".contains(c) => self.push(c),
                    Some(c) => [c, '\\'].into_iter().rev().for_each(|c| self.push(c)),
                },
                '$' if rest.next_if_eq(&'(').is_some() => self.substitution(rest, ')'),
                '`' => self.substitution(rest, '`'),
                c => self.push(c),
            }
        }
    }

    /// What is read so far goes on after it.
    fn substitution(&mut self, rest: &mut Peekable<Chars<'_>>, close: char) {
        let outer = (std::mem::take(&mut self.words), self.word.take(), std::mem::take(&mut self.is_file));
        self.read(rest, Some(close));
        (self.words, self.word, self.is_file) = outer;
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if !std::mem::take(&mut self.is_file) {
            self.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.is_file = false;
        if !self.words.is_empty() {
            self.done.push(std::mem::take(&mut self.words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{leads_to_us, simple_commands};

    #[test]
    fn a_setting_that_names_us_is_seen_in_any_dress() {
        for ours in [
            "claude-credential api-key-helper",
            "/home/me/.local/bin/claude-credential api-key-helper",
            "timeout 20 \"$HOME/bin/claude-credential\" api-key-helper | cat",
            "FOO=1 claude-credential-apikey print",
            "sh -c 'claude-credential print'",
            "key=$(/opt/bin/claude-credential print); echo $key",
            "key=\"$(/opt/bin/claude-credential print)\"; echo \"$key\"",
            "true && nice -n 5 claude-credential-oauth print",
            "'/home/me/My Dir/claude-credential' api-key-helper",
            "\"/home/me/My Dir/claude-credential\" api-key-helper",
            "/home/me/My\\ Dir/claude-credential api-key-helper",
            "/home/me/O\\'Neil/claude-credential api-key-helper",
            "\"/home/O'Neil/bin/claude-credential\" api-key-helper",
            "'/home/O'\\''Neil/bin/claude-credential' api-key-helper",
            "~/'My Dir'/claude-credential api-key-helper",
            "sh -c \"'/home/me/My Dir/claude-credential' api-key-helper\"",
            "if [ -n \"$CI\" ]; then claude-credential api-key-helper; else cat ~/key; fi",
            "[ -f ~/key ] && cat ~/key || { claude-credential api-key-helper; }",
            "2>/dev/null claude-credential api-key-helper",
            "claude-credential 2>>'/tmp/my log' api-key-helper",
            "echo \"`claude-credential print`\"",
            "! claude-credential print",
            "sudo -u me claude-credential print",
            "# the key\nclaude-credential \\\n  api-key-helper",
        ] {
            assert!(leads_to_us(ours), "{ours}");
        }
        for other in [
            "cat ~/.config/claude-credential/key",
            "pass show claude-credential",
            "security find-generic-password -w -s claude-credential",
            "vault kv get -field=key secret/claude-credential",
            "~/bin/claude-credentials.sh",
            "echo 'claude-credential print'",
            "echo \"; claude-credential print\"",
            "cat ~/key # claude-credential print",
            "cat <claude-credential",
            "cat '/home/me/; claude-credential'",
            "sh -c 'sh -c pass claude-credential'",
            "",
        ] {
            assert!(!leads_to_us(other), "{other}");
        }
    }

    #[test]
    fn words_are_a_shells() {
        assert_eq!(
            simple_commands("'/a b/claude-credential' api-key-helper|cat"),
            [vec!["/a b/claude-credential", "api-key-helper"], vec!["cat"]]
        );
        assert_eq!(simple_commands("\"$HOME/bin/x\"  y ''"), [["$HOME/bin/x", "y", ""]]);
        assert_eq!(simple_commands(r#""a\"b\\c\d""#), [["a\"b\\c\\d"]]);
        assert!(simple_commands(" ;\n").is_empty());
    }
}
