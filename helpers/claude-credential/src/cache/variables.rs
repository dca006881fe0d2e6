//! Which environment variables decide an answer (`docs/design/cache-key.md`).

use std::ffi::OsStr;

use claude_credential_config::Environment;

use crate::ttl::TTL_VARIABLE;

/// Names a profile, for the user's own calls.
pub(crate) const PROFILE_VARIABLE: &str = "CLAUDE_CREDENTIAL_PROFILE";

/// Variables that differ between the terminals and processes of one user, and on which no credential depends. A name
/// that is missing here costs a needless run; a name too many would hand out another account's credential.
const IGNORED: [&str; 43] = [
    "_",
    "SHELL",
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
    "VISUAL",
    "COMP_WORDBREAKS",
    "HISTFILE",
    "AI_AGENT",
    "CLAUDECODE",
    TTL_VARIABLE,
    "CLAUDE_EFFORT",
    "CLAUDE_PID",
    "NoDefaultCurrentDirectoryInExePath",
];

/// Prefixes of such variables: of terminals, of Claude Code, of the telemetry and the runtimes that it sets up for what
/// it starts, and our own.
const IGNORED_PREFIXES: [&str; 18] = [
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
    "OTEL_",
    "COREPACK_",
    "CLAUDE_CODE_DISABLE_",
    "CLAUDE_CODE_ENABLE_",
    "CLAUDE_CODE_MAX_",
    "CLAUDE_CREDENTIAL_",
];

/// What Claude Code marks with its own name. Its versions differ in what they set for what they start, so in there all of
/// it is ignored; in a terminal, only the user can have set it.
const OF_CLIENT: &str = "CLAUDE_CODE_";

/// Claude Code sets one of them, or both, for what it starts.
const CLIENT_MARKS: [&str; 2] = ["AI_AGENT", "CLAUDECODE"];

/// Endings of further ones: programs that show and edit text.
const IGNORED_ENDINGS: [&str; 2] = ["EDITOR", "PAGER"];

/// Prefixes of variables by which Claude Code chooses a credential, although their names begin like those that it sets
/// itself.
const DECIDING_PREFIXES: [&str; 10] = [
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_USE_",
    "CLAUDE_CODE_SKIP_",
    "CLAUDE_CODE_OAUTH_",
    "CLAUDE_CODE_API_KEY_FILE_",
    "CLAUDE_CODE_CLIENT_",
    "CLAUDE_CODE_ACCOUNT",
    "CLAUDE_CODE_ORGANIZATION",
    "CLAUDE_CODE_PROFILE",
    "CLAUDE_CODE_USER",
];

fn has_prefix(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The variables of one environment that decide no answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ignored {
    of_client: bool,
}

impl Ignored {
    pub(crate) fn of(environment: &Environment) -> Self {
        Self { of_client: CLIENT_MARKS.iter().any(|mark| environment.get_os(mark).is_some()) }
    }

    /// Whether no answer depends on a variable.
    fn has(self, name: &str) -> bool {
        let has_known_prefix =
            || has_prefix(name, &IGNORED_PREFIXES) || (self.of_client && name.starts_with(OF_CLIENT));
        IGNORED.contains(&name) || (has_known_prefix() && !has_prefix(name, &DECIDING_PREFIXES))
    }

    /// Whether a variable decides neither which answer a call gets nor for how long the answer serves. The two
    /// exceptions do, although no cache key contains them.
    pub(crate) fn decides_nothing(self, name: &str) -> bool {
        self.has(name) && !matches!(name, TTL_VARIABLE | PROFILE_VARIABLE)
    }
}

/// Whether one of these patterns of `vary` may match such a variable: it decides the answer if the user says so.
pub(crate) fn may_match_ignored(patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => {
            let mut families = IGNORED_PREFIXES.iter().chain([&OF_CLIENT]);
            IGNORED.iter().any(|name| name.starts_with(prefix))
                || families.any(|family| family.starts_with(prefix) || prefix.starts_with(family))
        }
        None => Ignored { of_client: true }.decides_nothing(pattern),
    })
}

/// The variables on which an answer may depend if its entry says nothing about them: neither those of a terminal or
/// process, nor those that Claude Code sets for what it starts. Any other name that begins with `CLAUDE_` counts: users
/// invent such names for their accounts.
pub(crate) fn deciding(environment: &Environment) -> impl Iterator<Item = (&OsStr, &OsStr)> {
    let ignored = Ignored::of(environment);
    environment.iter().filter(move |(name, _)| {
        !name.to_str().is_some_and(|name| ignored.has(name) || IGNORED_ENDINGS.iter().any(|end| name.ends_with(end)))
    })
}

#[cfg(test)]
mod tests {
    use claude_credential_config::Environment;

    use super::{deciding, may_match_ignored};

    #[test]
    fn what_a_terminal_and_the_client_set_counts_for_nothing_and_what_chooses_a_credential_counts() {
        let counts_in = |marks: &[&'static str], name: &'static str| {
            let environment = Environment::from_pairs(marks.iter().chain([&name]).map(|name| (*name, "1")));
            deciding(&environment).any(|(found, _)| found == name)
        };
        let counts = |name| counts_in(&["AI_AGENT"], name);
        for name in ["TERM", "TMUX_PANE", "CLAUDECODE", "CLAUDE_CODE_NEXT", "GIT_EDITOR", "PAGER", "OTEL_NEXT"] {
            assert!(!counts(name), "{name}");
        }
        for name in [
            "PATH",
            "CLAUDE_CONFIG_DIR",
            "CLAUDE_CODE_USE_FOUNDRY",
            "CLAUDE_CODE_CLIENT_KEY",
            "AWS_PROFILE",
            "CLAUDE_ACCOUNT",
        ] {
            assert!(counts(name), "{name}");
        }
        for (name, counts) in [
            ("CLAUDE_CODE_NEXT", true),
            ("CLAUDE_CODE_USE_FOUNDRY", true),
            ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", false),
            ("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", false),
            ("OTEL_NEXT", false),
        ] {
            assert_eq!(counts_in(&[], name), counts, "{name} in a terminal");
        }
    }

    #[test]
    fn a_pattern_that_may_match_an_ignored_variable_is_known() {
        let may = |pattern: &str| may_match_ignored(&[pattern.to_owned()]);
        assert!(
            ["*", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_*", "TMUX_PANE", "TMUX_P*", "T*", "PWD"].into_iter().all(may)
        );
        assert!(!["HOME", "VAULT_*", "AWS_*", "CLAUDE_CREDENTIAL_PROFILE"].into_iter().any(may));
    }
}
