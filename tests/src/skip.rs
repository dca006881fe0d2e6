use std::env;
use std::io::Write;
use std::path::PathBuf;

/// Says that `what` is not tested here, and why. In CI that is a failure: nobody reads its output for words.
pub fn skip(what: &str, reason: &str) {
    assert!(!in_ci(), "skipped in CI: {what}: {reason}");
    // Not by a macro: the test runner swallows what those print.
    let _ = writeln!(std::io::stderr(), "SKIPPED {what}: {reason}");
}

/// Whether the tests that take minutes run, too.
#[must_use]
pub fn long_tests() -> bool {
    env::var_os("CLAUDE_CREDENTIAL_TEST_LONG").is_some_and(|value| !value.is_empty() && value != "0")
}

/// A program of the system that a test needs.
#[must_use]
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
