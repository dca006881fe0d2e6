use std::fmt::Display;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use claude_credential_config::{Entry, Program};
use claude_credential_protocol::{Credential, Error, text};

use crate::terminal::progress::Progress;

/// The facts that may be reported on stderr beside the one line of a failure. Each is a method here, so that no secret
/// is logged by accident.
#[derive(Debug)]
pub(crate) struct Log {
    verbose: bool,
    quiet: bool,
    complained: AtomicBool,
    shows_progress: AtomicBool,
}

impl Log {
    pub(crate) fn new(verbose: bool, quiet: bool) -> Self {
        Self { verbose, quiet, complained: AtomicBool::default(), shows_progress: AtomicBool::default() }
    }

    pub(crate) fn asked(&self, profile: &str, origin: &dyn Display) {
        self.note(format_args!("profile {profile}, {origin}"));
    }

    pub(crate) fn cache_served(&self, entry: &str, age: Duration) {
        self.note(format_args!("cache: entry {entry}, {} s old", age.as_secs()));
    }

    pub(crate) fn cache_missed(&self, reason: &dyn Display) {
        self.note(format_args!("cache: {reason}"));
    }

    pub(crate) fn entry_skipped(&self, entry: &str, reason: &str) {
        self.note(format_args!("entry {entry}: skipped, {reason}"));
    }

    pub(crate) fn entry_answered(&self, entry: &str, answer: &Result<Option<Credential>, Error>, took: Duration) {
        let took = took.as_millis();
        match answer {
            Ok(Some(credential)) => {
                let (kind, source) = (credential.auth.kind(), credential.source.as_deref().unwrap_or("unnamed"));
                self.note(format_args!("entry {entry}: {kind} from {source}, {took} ms"));
            }
            Ok(None) => self.note(format_args!("entry {entry}: none, {took} ms")),
            Err(error) => {
                self.note(format_args!("entry {entry}: failed with {}, {took} ms", error.class().exit_code()));
            }
        }
    }

    /// Printed even without `--verbose`: the wait may take minutes, and another session has opened the browser.
    pub(crate) fn waits_for_sign_in(&self, entry: &str) {
        if !self.quiet {
            let other = "another session is signing in for";
            let _ = writeln!(std::io::stderr(), "claude-credential: {other} {entry}; waiting for it");
        }
    }

    /// Reports a problem with the cache's files, which costs speed but no answer: once, and never to Claude Code.
    pub(crate) fn complain(&self, problem: &dyn Display) {
        if !self.quiet && !self.complained.swap(true, Ordering::Relaxed) {
            let problem = text::one_line(&problem.to_string());
            let _ = writeln!(std::io::stderr(), "claude-credential: going on without the cache: {problem}");
        }
    }

    /// `XDG_RUNTIME_DIR` names no folder of this user's. Never said to Claude Code.
    pub(crate) fn cache_is_elsewhere(&self, foreign: &Path, used: &Path) {
        if self.quiet {
            return;
        }
        let (foreign, used) = (text::shown_path(foreign), text::shown_path(used));
        let what = "is no folder of this user's";
        let _ = writeln!(
            std::io::stderr(),
            "claude-credential: XDG_RUNTIME_DIR, {foreign}, {what}, so the cache is in {used}"
        );
    }

    /// The user called the command: from here on, a wait may be shown.
    pub(crate) fn show_progress(&self) {
        self.shows_progress.store(!self.quiet, Ordering::Relaxed);
    }

    /// Shows what the call waits for, until the return value is dropped.
    pub(crate) fn waiting(&self, what: impl FnOnce() -> String) -> Option<Progress> {
        if self.shows_progress.load(Ordering::Relaxed) { Progress::begin(what) } else { None }
    }

    /// The same for an entry.
    pub(crate) fn waiting_for_entry(&self, entry: &Entry) -> Option<Progress> {
        self.waiting(|| match shown_command(&entry.program) {
            Some(command) if command != entry.name => format!("entry {} ({command})", entry.name),
            _ => format!("entry {}", entry.name),
        })
    }

    fn note(&self, what: std::fmt::Arguments<'_>) {
        if self.verbose {
            // Sources and hosts are a helper's and the caller's words.
            let what = text::one_line(&what.to_string());
            let _ = writeln!(std::io::stderr(), "claude-credential: {what}");
        }
    }
}

/// The beginning of an entry's command that can't be a secret: the program's name and the plain words after it.
fn shown_command(program: &Program) -> Option<String> {
    let words = match program {
        Program::Helper { .. } => return program.short_name().map(|name| text::shown(name).to_owned()),
        Program::Command(words) => words,
        Program::Shell(_) => return None,
    };
    let is_plain = |word: &&String| word.len() <= 16 && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-'));
    let first = words.first()?.rsplit('/').next()?.to_owned();
    let shown: Vec<&String> = [&first].into_iter().chain(words[1..].iter().take(2).take_while(is_plain)).collect();
    let end = if shown.len() < words.len() { " …" } else { "" };
    Some(shown.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ") + end)
}

#[cfg(test)]
mod tests {
    use claude_credential_config::Program;

    use super::shown_command;

    #[test]
    fn of_a_command_no_word_is_shown_that_may_be_a_secret() {
        let shown = |words: &[&str]| {
            shown_command(&Program::Command(words.iter().map(|&word| word.to_owned()).collect())).unwrap_or_default()
        };
        assert_eq!(shown(&["vault", "kv", "get", "-field=key", "secret/claude"]), "vault kv get …");
        assert_eq!(shown(&["/usr/bin/op", "read", "op://vault/item"]), "op read …");
        assert_eq!(shown(&["curl", "-H", "x-api-key: CANARY"]), "curl …");
        assert_eq!(shown(&["acme", "sk-ant-CANARY", "get"]), "acme …");
        assert_eq!(shown(&["acme", "token"]), "acme token");
        assert_eq!(shown_command(&Program::Shell("TOKEN=CANARY acme".to_owned())), None);
    }
}
