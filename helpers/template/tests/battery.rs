use claude_credential_battery::{Candidate, Group, Sandbox, assert_passes};

#[test]
fn the_helper_passes_the_battery() {
    assert_passes(candidate, &Group::ALL);
}

/// The helper with a made-up key, and with options that make it fail.
fn candidate() -> Candidate {
    let mut sandbox = Sandbox::new();
    sandbox.set("TEMPLATE_KEY", sandbox.secret("variable"));
    sandbox.set("TEMPLATE_WORDS", "not one word");
    let program = env!("CARGO_BIN_EXE_claude-credential-template");
    Candidate::new(sandbox, program, &[]).failing_with(&["--variable", "TEMPLATE_WORDS"])
}
