//! The order of a lookup stands in one place, and `print`, `explain` and `status` all go through it.

use claude_credential_tests::script::Script;
use claude_credential_tests::{Output, Sandbox};
use serde_json::Value;

#[test]
fn print_asks_a_descriptor_before_it_looks_into_the_cache() {
    assert_eq!(run(&descriptor_opened_later(), "print").key(), "descriptor");
}

#[test]
fn explain_asks_a_descriptor_before_it_looks_into_the_cache() {
    let found = json(&run(&descriptor_opened_later(), "explain --json"));
    assert_eq!(found["winner"]["entry"], "oauth-fd", "{found:#}");
    assert_eq!(found["cache"]["state"], "not-asked", "{found:#}");
}

#[test]
fn status_names_a_descriptor_before_a_kept_answer() {
    let found = json(&run(&descriptor_opened_later(), "status --json"));
    assert_eq!(found["profiles"][0]["entry"], "oauth-fd", "{found:#}");
}

/// An answer was kept while the descriptor was closed. Now it is open, and the key of the cache is still the same.
fn descriptor_opened_later() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let acme = sandbox.fake("acme", &Script::secrets(sandbox.keys(3)));
    sandbox.config(&format!("[profile.default]\nchain = [\"oauth-fd\", \"acme\"]\n\n{}", acme.entry()));
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", "9");
    for _ in 0..2 {
        assert_eq!(run(&sandbox, "print").key(), "key-1");
    }
    sandbox.write("token", sandbox.secret("descriptor"));
    sandbox
}

fn run(sandbox: &Sandbox, command: &str) -> Output {
    let command = format!("[ ! -e token ] || exec 9<token; exec claude-credential {command}");
    sandbox.call("/bin/sh", &["-c", &command]).shows_secret().run()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).expect("JSON")
}
