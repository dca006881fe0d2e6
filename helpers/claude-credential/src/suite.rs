//! The helpers of this suite.

use claude_credential_config::{Entry, Program};

/// Their names. They read our configuration, so they are told where it is.
pub(crate) const SUITE: [&str; 4] = ["apikey", "oauth", "bedrock", "vertex"];

/// Whether a helper, by its name or path, is one of this suite.
pub(crate) fn is_of_suite(name: &str) -> bool {
    SUITE.contains(&short_name(name))
}

/// The name of a helper, by its name or path.
pub(crate) fn short_name(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or_default();
    file.strip_prefix("claude-credential-").unwrap_or(file)
}

pub(crate) fn is_suite_entry(entry: &Entry) -> bool {
    matches!(&entry.program, Program::Helper { name, .. } if is_of_suite(name))
}
