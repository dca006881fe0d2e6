//! The battery against the helpers of the suite, the dispatcher, and the helpers that `helpers/README.md` shows.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use claude_credential_battery::{Candidate, Group, assert_passes};
use claude_credential_tests::document::{Block, blocks};
use claude_credential_tests::{Sandbox, request, workspace};

const SHEBANG: &str = "#!/bin/sh\n";

#[test]
fn apikey_with_a_variable_passes() {
    assert_passes(
        || {
            let mut sandbox = Sandbox::new();
            sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
            // A key file that others can read is refused.
            let open = sandbox.write("open-key", sandbox.secret("open"));
            fs::set_permissions(&open, Permissions::from_mode(0o644)).expect("a mode");
            let (program, open) = (sandbox.bin("claude-credential-apikey"), open.display().to_string());
            Candidate::new(sandbox, program, &["--source", "env"]).failing_with(&["--file", &open])
        },
        &Group::ALL,
    );
}

#[test]
fn apikey_with_a_kept_key_passes() {
    assert_passes(
        || {
            let sandbox = Sandbox::new();
            sandbox.config("key_store = \"file\"\n");
            let program = sandbox.bin("claude-credential-apikey");
            let login = sandbox.call(&program, &["login", "--stdin"]).says(sandbox.secret("kept")).run();
            login.exits(0);
            Candidate::new(sandbox, program, &["--source", "kept"])
        },
        &Group::ALL,
    );
}

#[test]
fn oauth_with_a_variable_passes() {
    assert_passes(
        || {
            let mut sandbox = Sandbox::new();
            sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("variable"));
            sandbox.config("[claude]\nlogin = \"read\"\n");
            sandbox.write(".claude/.credentials.json", "{\"claudeAiOauth\": 1}");
            let program = sandbox.bin("claude-credential-oauth");
            Candidate::new(sandbox, program, &["--source", "env"]).failing_with(&["--source", "claude"])
        },
        &Group::ALL,
    );
}

#[test]
fn bedrock_with_an_api_key_passes() {
    assert_passes(
        || {
            let mut sandbox = Sandbox::with_executables(&["claude-credential-bedrock"]);
            sandbox.set("AWS_BEARER_TOKEN_BEDROCK", sandbox.secret("bearer"));
            let program = sandbox.bin("claude-credential-bedrock");
            // Its other sources have nothing for most of these callers, and so no failure either.
            let candidate = Candidate::new(sandbox, program, &["--source", "bearer"]);
            candidate.for_host("bedrock-runtime.us-east-1.amazonaws.com")
        },
        &Group::ALL,
    );
}

#[test]
fn the_dispatcher_passes() {
    assert_passes(
        || {
            let mut sandbox = Sandbox::new();
            sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
            sandbox.config(
                "[profile.default]\nchain = [\"api-key\"]\n[profile.broken]\nchain = [\"gone\"]\n\n\
                 [entry.gone]\ncommand = [\"no-such-program\"]\n",
            );
            let program = sandbox.bin("claude-credential");
            Candidate::new(sandbox, program, &[]).failing_with(&["--profile", "broken"])
        },
        &Group::ALL,
    );
}

#[test]
fn the_shell_helper_of_the_readme_passes() {
    assert_passes(
        || {
            let sandbox = Sandbox::with_executables(&[]);
            sandbox.script("pass", &format!("echo {}", sandbox.secret("pass")));
            let program = shell_helper(&sandbox);
            Candidate::new(sandbox, program, &[])
        },
        &[Group::Core],
    );
}

#[test]
fn the_shell_helper_of_the_readme_stops_when_its_source_fails() {
    let sandbox = Sandbox::with_executables(&[]);
    sandbox.script("pass", "exit 1");
    let output = sandbox.call(shell_helper(&sandbox), &["get"]).says(request("api.anthropic.com", &[])).run();
    assert_eq!(output.exits(1).stdout, "quit=1\n\n");
}

/// The script of the README, in the first folder of PATH.
fn shell_helper(sandbox: &Sandbox) -> PathBuf {
    let text = readme_block("sh", SHEBANG).text;
    sandbox.script("claude-credential-pass", text.strip_prefix(SHEBANG).expect("what the block begins with"))
}

/// The template has the battery among its own tests.
#[test]
fn the_rust_helper_of_the_readme_is_the_template() {
    let main = fs::read_to_string(workspace().join("helpers/template/src/main.rs")).expect("the template");
    let shown = readme_block("rust", "//!").text;
    assert!(main == shown, "helpers/README.md does not show helpers/template/src/main.rs as it is");
}

/// The only block of helpers/README.md that has this tag and begins so.
fn readme_block(tag: &str, beginning: &str) -> Block {
    let readme = fs::read_to_string(workspace().join("helpers/README.md")).expect("helpers/README.md");
    let mut found = blocks(&readme);
    found.retain(|block| block.tag == tag && block.text.starts_with(beginning));
    assert_eq!(found.len(), 1, "helpers/README.md has one block of {tag} that begins with {beginning}");
    found.remove(0)
}
