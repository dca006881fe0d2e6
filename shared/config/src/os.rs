//! What differs between operating systems.

/// The folder of Claude Code's managed settings (<https://code.claude.com/docs/en/settings>).
#[cfg(not(target_os = "macos"))]
pub(crate) const MANAGED: &str = "/etc/claude-code";
#[cfg(target_os = "macos")]
pub(crate) const MANAGED: &str = "/Library/Application Support/ClaudeCode";
