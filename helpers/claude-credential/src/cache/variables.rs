//! Which environment variables decide an answer (`docs/design/cache-key.md`).

use std::cell::LazyCell;
use std::ffi::OsStr;
use std::fs;

use claude_credential_config::claude::{self, SettingLine};
use claude_credential_config::{Environment, Folders};

use crate::os::Process;
use crate::ttl::TTL_VARIABLE;

/// Names a profile, for the user's own calls.
pub(crate) const PROFILE_VARIABLE: &str = "CLAUDE_CREDENTIAL_PROFILE";

/// Variables that differ between the terminals and processes of one user, and on which no credential depends. A name
/// that is missing here costs a needless run; a name too many would hand out another account's credential.
const IGNORED: [&str; 41] = [
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
    "VISUAL",
    "COMP_WORDBREAKS",
    "HISTFILE",
    "AI_AGENT",
    "CLAUDECODE",
    "CLAUDE_EFFORT",
    "CLAUDE_PID",
    "NoDefaultCurrentDirectoryInExePath",
];

/// Prefixes of such variables: of terminals, of Claude Code, of the telemetry and the runtimes that it sets up for what
/// it starts, and our own.
const IGNORED_PREFIXES: [&str; 16] = [
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
    "CLAUDE_CODE_",
    "CLAUDE_CREDENTIAL_",
];

/// Endings of further ones: programs that show and edit text.
const IGNORED_ENDINGS: [&str; 2] = ["EDITOR", "PAGER"];

/// Prefixes of variables by which Claude Code chooses a credential, although their names begin like those that it sets
/// itself.
const DECIDING_PREFIXES: [&str; 6] = [
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_USE_",
    "CLAUDE_CODE_SKIP_",
    "CLAUDE_CODE_OAUTH_",
    "CLAUDE_CODE_API_KEY_FILE_",
    "CLAUDE_CODE_CLIENT_",
];

/// What the shells that Claude Code starts set if it is missing, as in a container.
const SET_BY_SHELLS: [&str; 2] = ["SHELL", "LOGNAME"];

/// In the environment of whatever Claude Code starts.
const MARK: &[u8] = b"AI_AGENT=claude-code";

/// More than any chain of clients, shells and wrappers has.
const MAX_PARENTS: usize = 64;

fn has_prefix(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

fn is_listed(name: &str) -> bool {
    IGNORED.contains(&name) || (has_prefix(name, &IGNORED_PREFIXES) && !has_prefix(name, &DECIDING_PREFIXES))
}

/// Whether a variable decides neither which answer a call gets nor for how long the answer serves. The two exceptions
/// do, although no cache key contains them.
pub(crate) fn decides_no_answer(name: &str) -> bool {
    is_listed(name) && !matches!(name, TTL_VARIABLE | PROFILE_VARIABLE)
}

/// Whether one of these patterns of `vary` may match such a variable: it decides the answer if the user says so.
pub(crate) fn may_match_ignored(patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => {
            IGNORED.iter().any(|name| name.starts_with(prefix))
                || IGNORED_PREFIXES.iter().any(|family| family.starts_with(prefix) || prefix.starts_with(family))
        }
        None => decides_no_answer(pattern),
    })
}

/// The variables on which an answer may depend if its entry says nothing about them: neither those of a terminal or
/// process, nor those that Claude Code sets for what it starts.
///
/// The next version of Claude Code may set others, and users invent names for their own commands. So another name that
/// begins like Claude Code's counts if it comes from the user: from the environment in which Claude Code was started, or
/// from a settings file.
pub(crate) fn deciding<'a>(
    environment: &'a Environment,
    folders: &'a Folders,
) -> impl Iterator<Item = (&'a OsStr, &'a OsStr)> {
    let start = LazyCell::new(start_of_client);
    let settings = LazyCell::new(|| claude::scopes(&std::env::current_dir().unwrap_or_default(), folders));
    let is_of_user = move |name: &str| {
        let sets = |variable: &[u8]| variable.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
        let is_line = |line: &SettingLine| line.name.strip_prefix("env.") == Some(name);
        // What can't be read may set it: an additional run does less harm than the key of another account.
        start.as_ref().is_none_or(|start| start.split(|byte| *byte == 0).any(sets))
            || settings.iter().any(|file| file.sets.as_ref().map_or(true, |lines| lines.iter().any(is_line)))
    };
    environment.iter().filter(move |(name, _)| match name.to_str() {
        Some(name) if is_listed(name) || IGNORED_ENDINGS.iter().any(|ending| name.ends_with(ending)) => false,
        Some(name) if SET_BY_SHELLS.contains(&name) => is_of_user(name),
        Some(name) if name.starts_with("CLAUDE_") && !has_prefix(name, &DECIDING_PREFIXES) => is_of_user(name),
        _ => true,
    })
}

/// The environment with which the outermost Claude Code above this process was started, variables ended by NUL; that of
/// this process if there is none; `None` if it can't be read.
fn start_of_client() -> Option<Vec<u8>> {
    let mut pid = "self".to_owned();
    for _ in 0..MAX_PARENTS {
        let start = fs::read(format!("/proc/{pid}/environ")).ok()?;
        if !start.split(|byte| *byte == 0).any(|variable| variable.starts_with(MARK)) {
            return Some(start);
        }
        pid = Process::read(&pid)?.parent;
    }
    None
}

#[cfg(test)]
mod tests {
    use claude_credential_config::{Environment, Folders};

    use super::{deciding, may_match_ignored};

    #[test]
    fn what_a_terminal_and_the_client_set_counts_for_nothing_and_what_chooses_a_credential_counts() {
        let counts = |name: &str| {
            let environment = Environment::from_pairs([(name, "1")]);
            let folders = Folders::of(&Environment::from_pairs([("HOME", "/nowhere")])).unwrap();
            deciding(&environment, &folders).any(|(found, _)| found == name)
        };
        for name in ["TERM", "TMUX_PANE", "CLAUDECODE", "CLAUDE_CODE_NEXT", "GIT_EDITOR", "PAGER", "OTEL_NEXT"] {
            assert!(!counts(name), "{name}");
        }
        for name in ["PATH", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_CLIENT_KEY", "AWS_PROFILE"] {
            assert!(counts(name), "{name}");
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
