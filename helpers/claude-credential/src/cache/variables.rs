//! Which environment variables decide an answer.

use crate::ttl::TTL_VARIABLE;

/// Variables that differ between the terminals and processes of one user, and on which no credential depends. A name
/// that is missing here costs a needless run; a name too many would hand out another account's credential.
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

/// Prefixes of such variables.
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

pub(crate) fn is_per_terminal(name: &str) -> bool {
    PER_TERMINAL.contains(&name) || PER_TERMINAL_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a variable decides neither which answer a call gets nor for how long the answer serves. The two exceptions
/// do, although they are part of no cache key.
pub(crate) fn decides_no_answer(name: &str) -> bool {
    is_per_terminal(name) && !matches!(name, TTL_VARIABLE | "CLAUDE_CREDENTIAL_PROFILE")
}

/// Whether one of these patterns of `vary` may match such a variable: it decides the answer if the user says so.
pub(crate) fn may_match_ignored(patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => {
            PER_TERMINAL.iter().any(|name| name.starts_with(prefix))
                || PER_TERMINAL_PREFIXES.iter().any(|family| family.starts_with(prefix) || prefix.starts_with(family))
        }
        None => decides_no_answer(pattern),
    })
}

#[cfg(test)]
mod tests {
    use super::may_match_ignored;

    #[test]
    fn a_pattern_that_may_match_a_variable_of_a_terminal_is_known() {
        let may = |pattern: &str| may_match_ignored(&[pattern.to_owned()]);
        assert!(
            ["*", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_*", "TMUX_PANE", "TMUX_P*", "T*", "PWD"].into_iter().all(may)
        );
        assert!(!["HOME", "VAULT_*", "AWS_*", "CLAUDE_CREDENTIAL_PROFILE"].into_iter().any(may));
    }
}
