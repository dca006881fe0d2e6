//! The order of a lookup stands in one place, and `print`, `explain` and `status` all go through it.

use claude_credential_tests::script::Script;
use claude_credential_tests::{Output, Sandbox};
use serde_json::{Value, json};

#[test]
fn print_asks_a_descriptor_before_it_looks_into_the_cache() {
    assert_eq!(run(&descriptor_opened_later(), "print").key(), "descriptor");
}

#[test]
fn explain_asks_a_descriptor_before_it_looks_into_the_cache() {
    let found = parsed(&run(&descriptor_opened_later(), "explain --json"));
    assert_eq!(found["winner"]["entry"], "oauth-fd", "{found:#}");
    assert_eq!(found["cache"]["state"], "not-asked", "{found:#}");
}

#[test]
fn status_names_a_descriptor_before_a_kept_answer() {
    let found = parsed(&run(&descriptor_opened_later(), "status --json"));
    assert_eq!(found["profiles"][0]["entry"], "oauth-fd", "{found:#}");
}

#[test]
fn a_setting_whose_command_looks_at_the_status_still_answers() {
    let sandbox = Sandbox::new();
    let metered = sandbox.fake("metered", &Script::secrets(sandbox.keys(1)));
    sandbox.config(&format!("[profile.default]\nchain = [\"api-key-helper\", \"metered\"]\n\n{}", metered.entry()));
    let key = sandbox.write("key", sandbox.secret("of-the-setting"));
    let status = "claude-credential status --min-ttl 10m >/dev/null";
    let script = sandbox.script("of-the-setting", &format!("{status}; cat {}", key.display()));
    sandbox.settings(&json!({ "apiKeyHelper": script }));
    assert_eq!(sandbox.print().run().key(), "of-the-setting");
    assert_eq!(metered.runs(), 0, "a peek left the mark of a setting that calls itself");
}

#[test]
fn store_and_erase_for_a_host_that_no_profile_lists_are_silent_whatever_they_hold() {
    let sandbox = Sandbox::new();
    for operation in ["store", "erase"] {
        let message = "protocol=https\nhost=github.example\nusername=me\npassword=\n\n";
        let output = sandbox.dispatcher(&[operation]).says(message).run();
        assert_eq!(output.exits(0).stderr, "", "{operation}");
    }
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

fn parsed(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).expect("JSON")
}
