use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use claude_credential_protocol::{Credential, Error, text};

/// What may be said on stderr beside the one line of a failure: these facts and no others. A new one is a new method
/// here, so that nothing is ever logged because it happened to be at hand.
#[derive(Debug)]
pub(crate) struct Log {
    verbose: bool,
    quiet: bool,
    complained: AtomicBool,
}

impl Log {
    pub(crate) fn new(verbose: bool, quiet: bool) -> Self {
        Self { verbose, quiet, complained: AtomicBool::new(false) }
    }

    pub(crate) fn asked(&self, profile: &str, origin: &dyn Display) {
        self.note(format_args!("profile {profile}, {origin}"));
    }

    pub(crate) fn cache_served(&self, entry: &str, age: Duration) {
        self.note(format_args!("cache: entry {entry}, {} s old", age.as_secs()));
    }

    pub(crate) fn cache_missed(&self, why: &dyn Display) {
        self.note(format_args!("cache: {why}"));
    }

    pub(crate) fn entry_skipped(&self, entry: &str, why: &str) {
        self.note(format_args!("entry {entry}: skipped, {why}"));
    }

    pub(crate) fn entry_answered(&self, entry: &str, answer: &Result<Option<Credential>, Error>, took: Duration) {
        let took = took.as_millis();
        match answer {
            Ok(Some(credential)) => {
                let (kind, source) = (credential.auth.kind(), credential.source.as_deref().unwrap_or("unnamed"));
                self.note(format_args!("entry {entry}: {kind} from {}, {took} ms", text::one_line(source)));
            }
            Ok(None) => self.note(format_args!("entry {entry}: none, {took} ms")),
            Err(error) => {
                self.note(format_args!("entry {entry}: failed with {}, {took} ms", error.class().exit_code()));
            }
        }
    }

    /// Said to every person: it may take minutes, and the browser is another session's.
    pub(crate) fn waits_for_sign_in(&self, entry: &str) {
        if !self.quiet {
            let other = "another session is signing in for";
            let _ = writeln!(std::io::stderr(), "claude-credential: {other} {entry}; waiting for it");
        }
    }

    /// Something about our own files that costs speed and no answer: said once, and not at all to the client.
    pub(crate) fn complain(&self, problem: &dyn Display) {
        if !self.quiet && !self.complained.swap(true, Ordering::Relaxed) {
            let problem = text::one_line(&problem.to_string());
            let _ = writeln!(std::io::stderr(), "claude-credential: going on without the cache: {problem}");
        }
    }

    fn note(&self, what: std::fmt::Arguments<'_>) {
        if self.verbose {
            let _ = writeln!(std::io::stderr(), "claude-credential: {what}");
        }
    }
}
