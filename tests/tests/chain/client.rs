//! `api-key-helper` as Claude Code runs it.

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Client, Fake, Input, Sandbox};

#[test]
fn a_socket_that_never_ends_is_not_read_and_the_answer_is_the_key_alone() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    assert_eq!(Client::usual(&sandbox).key(), "api-key");
    assert_eq!(Client::new(&sandbox, "claude-credential api-key-helper").without_token().key(), "api-key");
}

#[test]
fn a_pipe_that_never_ends_is_not_read_either() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    let call = sandbox.dispatcher(&["api-key-helper"]).shows_secret();
    assert_eq!(call.input(Input::Open(b"host=foreign.example\n\n".to_vec())).run().key(), "api-key");
}

#[test]
fn every_helper_can_stand_in_the_setting_itself() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    assert_eq!(Client::new(&sandbox, "claude-credential-apikey --source env print").key(), "api-key");
}

#[test]
fn a_failure_is_nothing_on_stdout_and_one_line_that_ends_with_what_mends_it() {
    let (sandbox, _fake) = fixture(&Script::failure(77, "signed out; run: acme login"));
    let output = Client::usual(&sandbox).call();
    let said = output.fails(77);
    assert!(said.starts_with("claude-credential: ") && said.contains("acme"), "{said}");
    assert!(said.ends_with("run: acme login"), "{said}");
}

#[test]
fn no_source_at_all_is_a_failure_with_one_line() {
    let sandbox = Sandbox::new();
    let output = Client::usual(&sandbox).call();
    let said = output.fails(1);
    assert!(said.contains("claude-credential "), "no command that mends it in: {said}");
}

#[test]
fn a_bearer_token_is_handed_out_as_a_key() {
    let (sandbox, fake) = fixture(&Script::none());
    fake.does(&bearer(&sandbox, "token"));
    assert_eq!(Client::usual(&sandbox).key(), "token");
}

#[test]
fn a_login_of_claude_ai_is_passed_over_unstarted_and_the_message_names_what_to_use_instead() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("oauth"));
    assert_eq!(sandbox.print().run().key(), "oauth");
    let output = Client::usual(&sandbox).call();
    assert!(output.fails(78).contains("claude-credential "), "{output:#?}");
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    assert_eq!(Client::usual(&sandbox).key(), "api-key");
}

#[test]
fn what_the_client_can_not_send_is_passed_over() {
    let (sandbox, fake) = fixture(&Script::none());
    let next = sandbox.fake("next", &Script::secrets([sandbox.secret("next")]));
    sandbox.chain(&[&fake, &next]);
    let secret = sandbox.secret("passed-over");
    let aws =
        format!("capability[]=authtype\ncapability[]=claude.v1\nclaude.kind=aws\nusername=AKIA\npassword={secret}\n\n");
    for answer in [Does::Prints(aws), Does::answers_with(secret, &["claude.header[]=X-Team: red"])] {
        fake.does(&Script::new(answer));
        sandbox.dispatcher(&["cache", "clear"]).run().exits(0);
        assert_eq!(Client::usual(&sandbox).key(), "next");
    }
}

#[test]
fn the_helper_learns_that_nobody_can_be_asked_and_how_long_the_key_should_live() {
    let (sandbox, fake) = fixture(&Script::secrets(sandbox_keys()));
    assert_eq!(Client::usual(&sandbox).with("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "120000").call().code(), Some(0));
    let heard = fake.last("get").expect("a get");
    assert_eq!(heard.get("claude.interactive"), Some("never"));
    assert_eq!(heard.get("claude.min_ttl"), Some("180"));
    assert_eq!(heard.get("claude.reason"), Some("initial"));
    assert_eq!((heard.get("protocol"), heard.get("host")), (Some("https"), Some("api.anthropic.com")));
    assert!(heard.get("claude.deadline").is_some_and(|deadline| deadline.len() == 13), "{heard:?}");
}

#[test]
fn the_token_of_the_client_is_not_passed_on() {
    let (sandbox, fake) = fixture(&Script::secrets(sandbox_keys()));
    assert_eq!(Client::usual(&sandbox).call().code(), Some(0));
    let heard = fake.last("get").expect("a get");
    assert!(!heard.variables.iter().any(|name| name == "CLAUDE_CODE_MESSAGING_TOKEN"), "{heard:?}");
    assert!(heard.variables.iter().any(|name| name == "CLAUDE_CREDENTIAL_ACTIVE"), "{heard:?}");
}

#[test]
fn a_warm_call_runs_no_helper() {
    let (sandbox, fake) = fixture(&Script::none());
    fake.does(&Script::secrets(sandbox.keys(2)));
    assert_eq!(Client::usual(&sandbox).key(), "key-1");
    assert_eq!(Client::usual(&sandbox).key(), "key-1");
    assert_eq!(fake.runs(), 1);
}

#[test]
fn a_ttl_of_0_keeps_nothing() {
    let (mut sandbox, fake) = fixture(&Script::none());
    fake.does(&Script::secrets(sandbox.keys(3)));
    sandbox.set("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "0");
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(Client::usual(&sandbox).key(), "key-2");
    assert_eq!(sandbox.files_with_secrets(), Vec::<std::path::PathBuf>::new());
    assert_eq!(Client::usual(&sandbox).key(), "key-3");
    assert_eq!(fake.runs(), 3);
}

#[test]
fn a_ttl_that_is_no_number_is_an_error_in_print_and_the_default_for_the_client() {
    for rubbish in ["5m", "-1", "1.5", "0x10", " 1", "99999999999999999999999"] {
        let (mut sandbox, fake) = fixture(&Script::none());
        fake.does(&Script::secrets(sandbox.keys(2)));
        sandbox.set("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", rubbish);
        let output = sandbox.dispatcher(&["print"]).run();
        assert!(output.fails(78).contains("CLAUDE_CODE_API_KEY_HELPER_TTL_MS"), "{output:#?}");
        assert_eq!(fake.runs(), 0);
        assert_eq!(Client::usual(&sandbox).key(), "key-1", "{rubbish}");
        assert_eq!(Client::usual(&sandbox).key(), "key-1", "{rubbish}");
        assert_eq!(fake.last("get").expect("a get").get("claude.min_ttl"), Some("360"));
    }
}

#[test]
fn an_ephemeral_answer_is_never_kept() {
    let (sandbox, fake) = fixture(&Script::none());
    let answer = |name: &str| Does::answers_with(sandbox.secret(name), &["ephemeral=1"]);
    fake.does(&Script::steps([answer("key-1"), answer("key-2")]));
    assert_eq!(Client::usual(&sandbox).key(), "key-1");
    assert_eq!(sandbox.files_with_secrets(), Vec::<std::path::PathBuf>::new());
    assert_eq!(sandbox.print().run().key(), "key-2");
}

#[test]
fn the_longest_key_is_16384_characters() {
    let (sandbox, fake) = fixture(&Script::none());
    let longest = |more: usize| sandbox.secret(&"k".repeat(16_384 - sandbox.secret("").len() + more));
    fake.does(&Script::secrets([longest(1)]));
    let output = Client::usual(&sandbox).call();
    assert!(output.code() != Some(0) && output.stdout.is_empty(), "{output:#?}");
    fake.does(&Script::secrets([longest(0)]));
    sandbox.dispatcher(&["cache", "clear"]).run().exits(0);
    assert_eq!(Client::usual(&sandbox).call().succeeds().stdout.len(), 16_385);
}

/// A chain of one fake helper.
fn fixture(script: &Script) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", script);
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}

fn bearer(sandbox: &Sandbox, name: &str) -> Script {
    Script::new(Does::answers_with(sandbox.secret(name), &["claude.kind=bearer", "authtype=Bearer"]))
}

/// For tests that don't look at the key: no sandbox's canary is in them.
fn sandbox_keys() -> Vec<String> {
    vec!["made-up".to_owned()]
}
