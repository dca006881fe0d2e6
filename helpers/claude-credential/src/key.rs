//! The key under which an answer is cached and a run is single.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use blake3::Hasher;
use claude_credential_config::{Environment, Program, generation};
use claude_credential_files::{Identity, hex};
use claude_credential_protocol::Secret;

use crate::ask::{Ask, TTL_VARIABLE};
use crate::chain::{Depends, Link};
use crate::cloud::Cloud;
use crate::context::Context;

/// Variables that differ between terminals and processes of one user and on which no credential depends. A name that is
/// missing here costs a needless run; one too many would hand out a wrong account.
const PER_TERMINAL: [&str; 46] = [
    "_",
    "SHLVL",
    "PWD",
    "OLDPWD",
    "TERM",
    "TERMINFO",
    "COLORTERM",
    "COLUMNS",
    "LINES",
    "WINDOWID",
    "WINDOW",
    "STY",
    "GPG_TTY",
    "SSH_TTY",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "XDG_SESSION_ID",
    "XDG_VTNR",
    "XDG_SEAT",
    "XDG_SEAT_PATH",
    "XDG_SESSION_PATH",
    "XDG_ACTIVATION_TOKEN",
    "DESKTOP_STARTUP_ID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MAINPID",
    "TRACEPARENT",
    "TRACESTATE",
    "PS1",
    "PS2",
    "LS_COLORS",
    "LESS",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "COMP_WORDBREAKS",
    "HISTFILE",
    "AI_AGENT",
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_CODE_SESSION_ID",
    TTL_VARIABLE,
    "CLAUDE_CREDENTIAL_ACTIVE",
    "CLAUDE_CREDENTIAL_PROFILE",
];

/// Families of such variables.
const PER_TERMINAL_PREFIXES: [&str; 13] = [
    "TERM_",
    "TMUX",
    "VTE_",
    "KONSOLE_",
    "ITERM_",
    "KITTY_",
    "ALACRITTY_",
    "WEZTERM_",
    "GHOSTTY_",
    "VSCODE_",
    "ZELLIJ",
    "LC_TERMINAL",
    "CLAUDE_CODE_MESSAGING_",
];

/// Hashes with a random key that never leaves the user's folder: what is written down can't be guessed back from a
/// list of likely secrets or tokens.
#[derive(Debug, Clone)]
pub(crate) struct Keyed([u8; 32]);

/// Tells two secrets apart without being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) [u8; 16]);

impl Keyed {
    pub(crate) fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    pub(crate) fn fingerprint(&self, secret: &Secret) -> Fingerprint {
        Fingerprint(self.hash(&[b"secret", secret.expose().as_bytes()]))
    }

    pub(crate) fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = Hasher::new_keyed(&self.0);
        for part in parts {
            put(&mut hasher, part);
        }
        first_half(&hasher)
    }

    /// The key of a question: everything that its answer depends on, and nothing of it readable.
    pub(crate) fn of(&self, ask: &Ask, context: &Context) -> String {
        let mut hasher = Hasher::new_keyed(&self.0);
        let mut put = |part: &[u8]| put(&mut hasher, part);
        put(b"key 1");
        // Where things are found and run: another home or PATH is another helper, or another file that it reads.
        put(context.folders.home.as_os_str().as_bytes());
        put(context.environment.get_os("PATH").unwrap_or_default().as_bytes());
        put(std::env::current_exe().unwrap_or_default().as_os_str().as_bytes());
        // Every setting may change an answer; an edit that does not costs one run.
        put(context.config.text.as_bytes());
        put(ask.profile.name.as_bytes());
        put(ask.request.protocol.as_bytes());
        put(ask.request.host.as_bytes());
        put(ask.request.path.as_deref().unwrap_or_default().as_bytes());
        put(ask.request.username.as_deref().unwrap_or_default().as_bytes());
        put(&Identity::of(&generation::path(&context.folders)).to_bytes());
        let live = || ask.chain.iter().filter(|link| link.is_live());
        // Where an answer may be one that the client can't send, the client's chain goes on where a script's ends.
        put(&[u8::from(context.for_client && live().any(|link| link.opaque))]);
        for link in live() {
            put_entry(link, &mut put);
            for depends in &link.depends {
                put_dependency(depends, &context.environment, &mut put);
            }
        }
        hex(&first_half(&hasher))
    }
}

impl Keyed {
    /// The key of signing in for an entry with a command: what chooses the account, and not the whole environment, in
    /// which sessions differ that are to share one sign-in.
    pub(crate) fn of_sign_in(&self, link: &Link, command: &[&[u8]], context: &Context) -> String {
        let mut hasher = Hasher::new_keyed(&self.0);
        let mut put = |part: &[u8]| put(&mut hasher, part);
        put(b"refresh 1");
        put(context.folders.home.as_os_str().as_bytes());
        put_entry(link, &mut put);
        let folder = link.claude_config_dir.as_deref().unwrap_or(&context.folders.claude);
        put(folder.as_os_str().as_bytes());
        for part in command {
            put(part);
        }
        put(b"end");
        let of_cloud = Cloud::of_program(&link.entry.program).map_or(&[][..], Cloud::account_variables);
        let vary = link.entry.vary.clone().map(Depends::Vary);
        for depends in of_cloud.iter().map(|name| Depends::Variable(name)).chain(vary) {
            put_dependency(&depends, &context.environment, &mut put);
        }
        hex(&first_half(&hasher))
    }
}

impl Fingerprint {
    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }

    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let bytes: Option<Vec<u8>> = (0..text.len() / 2)
            .map(|i| text.get(2 * i..2 * i + 2))
            .map(|digits| u8::from_str_radix(digits?, 16).ok())
            .collect();
        bytes?.try_into().ok().map(Self)
    }
}

fn put_entry(link: &Link, put: &mut impl FnMut(&[u8])) {
    put(link.entry.name.as_bytes());
    put(link.entry.kind.name().as_bytes());
    match &link.entry.program {
        Program::Helper { name, args } => {
            put(b"helper");
            put(name.as_bytes());
            for arg in args {
                put(arg.as_bytes());
            }
        }
        Program::Command(words) => {
            put(b"command");
            for word in words {
                put(word.as_bytes());
            }
        }
        Program::Shell(script) => {
            put(b"shell");
            put(script.as_bytes());
        }
    }
    put(b"end");
}

fn put_dependency(depends: &Depends, environment: &Environment, put: &mut impl FnMut(&[u8])) {
    let mut matching = |matches: &dyn Fn(&str) -> bool| {
        for (name, value) in environment.iter().filter(|(name, _)| name.to_str().is_none_or(matches)) {
            put(name.as_bytes());
            put(value.as_bytes());
        }
    };
    match depends {
        Depends::Variable(name) => put(environment.get_os(name).map(OsStr::as_bytes).unwrap_or_default()),
        Depends::Vary(patterns) => matching(&|name| patterns.iter().any(|pattern| is_match(pattern, name))),
        Depends::Everything => matching(&|name| !is_per_terminal(name)),
        Depends::File(path) => put(&Identity::of(path).to_bytes()),
        Depends::Text(text) => put(text.as_bytes()),
    }
    put(b"end");
}

fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

fn is_per_terminal(name: &str) -> bool {
    PER_TERMINAL.contains(&name) || PER_TERMINAL_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a variable decides neither which answer is meant nor for how long it serves. Some do that and stand in no key.
pub(crate) fn decides_no_answer(name: &str) -> bool {
    is_per_terminal(name) && !matches!(name, TTL_VARIABLE | "CLAUDE_CREDENTIAL_PROFILE")
}

/// Whether one of these patterns of `vary` may mean such a variable: where the user says so, it decides all the same.
pub(crate) fn may_mean_one_left_out(patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => {
            PER_TERMINAL.iter().any(|name| name.starts_with(prefix))
                || PER_TERMINAL_PREFIXES.iter().any(|family| family.starts_with(prefix) || prefix.starts_with(family))
        }
        None => decides_no_answer(pattern),
    })
}

/// With its length in front, so that no two lists of parts hash alike.
fn put(hasher: &mut Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}

fn first_half(hasher: &Hasher) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    half
}

#[cfg(test)]
mod tests {
    use claude_credential_config::Environment;

    use super::{Depends, is_match, may_mean_one_left_out, put_dependency};

    fn hashed(depends: &Depends, pairs: &[(&str, &str)]) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        let environment = Environment::from_pairs(pairs.iter().copied());
        put_dependency(depends, &environment, &mut |part| parts.push(part.to_vec()));
        parts
    }

    #[test]
    fn a_terminals_own_variables_change_no_key_and_all_others_do() {
        let everything = Depends::Everything;
        let base = hashed(&everything, &[("HOME", "/h"), ("TERM", "a"), ("TMUX_PANE", "%1"), ("SHLVL", "1")]);
        assert_eq!(base, hashed(&everything, &[("HOME", "/h"), ("TERM", "b"), ("CLAUDE_CODE_MESSAGING_TOKEN", "x")]));
        assert_ne!(base, hashed(&everything, &[("HOME", "/h"), ("VAULT_ADDR", "https://other")]));
    }

    #[test]
    fn only_the_named_variables_count_where_some_are_named() {
        let vary = Depends::Vary(vec!["VAULT_*".to_owned(), "USER".to_owned()]);
        let base = hashed(&vary, &[("VAULT_ADDR", "a"), ("USER", "me")]);
        assert_eq!(base, hashed(&vary, &[("VAULT_ADDR", "a"), ("USER", "me"), ("USERNAME", "x")]));
        assert_ne!(base, hashed(&vary, &[("VAULT_ADDR", "b"), ("USER", "me")]));
        assert!(is_match("A*", "A") && !is_match("A", "AB"));
    }

    #[test]
    fn a_pattern_that_means_a_variable_of_a_terminal_is_known() {
        let may = |pattern: &str| may_mean_one_left_out(&[pattern.to_owned()]);
        assert!(
            ["*", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_*", "TMUX_PANE", "TMUX_P*", "T*", "PWD"].into_iter().all(may)
        );
        assert!(!["HOME", "VAULT_*", "AWS_*", "CLAUDE_CREDENTIAL_PROFILE"].into_iter().any(may));
    }
}
