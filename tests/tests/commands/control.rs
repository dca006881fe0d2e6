//! What comes from a file, a variable, a helper or the command line reaches no terminal as it is: no output for people,
//! and no JSON, has a character that a terminal acts on.

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Call, Sandbox};

/// Escape sequences of C0 and C1, a reordering mark, one that is invisible, and DEL.
const EVIL: &str = "x\x1b[2J\u{9b}2J\u{85}\u{202e}\u{2066}\u{200b}\u{7f}y";

fn acts(c: char) -> bool {
    c.is_control()
        || ('\u{200b}'..='\u{200f}').contains(&c)
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || c == '\u{2066}'
}

#[track_caller]
fn is_harmless(call: Call<'_>) {
    let output = call.shows_secret().run();
    let all = output.stdout.clone() + &output.stderr;
    assert!(!all.is_empty() && !all.contains(|c| acts(c) && c != '\n'), "{output:#?}");
}

#[test]
fn what_a_helper_says_is_shown_without_control_characters() {
    let sandbox = Sandbox::new();
    let further = [format!("claude.source={EVIL}"), format!("claude.account={EVIL}"), format!("claude.project={EVIL}")];
    let further: Vec<&str> = further.iter().map(String::as_str).collect();
    let fake = sandbox.fake("acme", &Script::new(Does::answers_with(sandbox.secret("one"), &further)));
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n{}", fake.entry_with("vary = []")));
    for words in [
        &["print", "-v"][..],
        &["print", "--format", "json"],
        &["cache", "list"],
        &["status"],
        &["status", "--json"],
        &["explain"],
        &["explain", "--json"],
        &["doctor"],
        &["doctor", "--json"],
    ] {
        is_harmless(sandbox.dispatcher(words));
    }
}

#[test]
fn what_a_file_says_is_shown_without_control_characters() {
    let sandbox = Sandbox::new();
    let escaped = "x\\u001B[2J\\u009B2J\\u202Ey";
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"acme\"]\ndirectories = [\"/{escaped}\"]\n[entry.acme]\ncommand = [\"/bin/{escaped}\"]\n"
    ));
    sandbox.settings(&serde_json::json!({ "apiKeyHelper": EVIL, "env": { "ANTHROPIC_BASE_URL": EVIL } }));
    let index = serde_json::json!({ "version": 1, "keys": [
        { "protocol": "https", "host": EVIL, "username": EVIL, "place": "file" },
    ] });
    sandbox.write(".local/share/claude-credential/kept.json", index.to_string());
    for words in [
        &["print"][..],
        &["api-key-helper"],
        &["cache", "list"],
        &["status"],
        &["status", "--json"],
        &["explain"],
        &["explain", "--for-client", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["setup", "--preset", "vault", "--yes"],
    ] {
        is_harmless(sandbox.dispatcher(words));
    }
}

#[test]
fn a_mistake_on_the_command_line_is_repeated_without_control_characters() {
    let sandbox = Sandbox::new();
    for words in [
        &[&format!("--{EVIL}")[..]][..],
        &["print", EVIL],
        &["print", "--format", EVIL],
        &["--profile", EVIL, "print"],
        &["--chain", EVIL, "print"],
        &["--config", EVIL, "print"],
        &["print", "--host", EVIL],
        &["login", EVIL],
        &["refresh", EVIL],
        &["setup", "--preset", EVIL],
        &["exec", "--", EVIL],
    ] {
        is_harmless(sandbox.dispatcher(words));
    }
    for helper in ["apikey", "oauth", "bedrock", "vertex", "probe"] {
        let name = format!("claude-credential-{helper}");
        sandbox.install(&name, &format!("other-{helper}"));
        let program = sandbox.bin(&format!("other-{helper}"));
        is_harmless(sandbox.call(program, &[&format!("--{EVIL}")]));
    }
}
