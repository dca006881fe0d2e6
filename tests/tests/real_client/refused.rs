//! The key, and another one when the server refuses it.

use claude_credential_tests::Fake;
use claude_credential_tests::real_client::RealClient;
use claude_credential_tests::script::Script;

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn the_key_goes_out_in_both_headers_and_a_second_client_costs_no_run() {
    let (client, fake) = fixture(2);
    for _ in 0..2 {
        assert_eq!(client.ask().succeeds().stdout, "done\n");
    }
    assert_eq!(client.keys(), ["key-1", "key-1"]);
    assert_eq!(fake.runs(), 1);
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_key_that_is_refused_with_401_or_403_is_replaced_and_not_sent_again() {
    for status in [401, 403] {
        let (client, fake) = fixture(3);
        client.api.refuses("key-1", status);
        assert_eq!(client.ask().succeeds().stdout, "done\n", "{status}");
        assert_eq!(client.keys(), ["key-1", "key-2"], "{status}");
        assert_eq!(fake.runs(), 2, "{status}");
        assert_eq!(fake.last("get").expect("a get").rejected(), Some("key-1"), "{status}");
        // Nor is it for the next one.
        client.ask().succeeds();
        assert_eq!(client.keys(), ["key-1", "key-2", "key-2"], "{status}");
        assert_eq!(fake.runs(), 2, "{status}");
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_server_that_is_busy_has_refused_nothing() {
    for status in [429, 529] {
        let (client, fake) = fixture(2);
        client.api.fails_once(status);
        assert_eq!(client.ask().succeeds().stdout, "done\n", "{status}");
        assert_eq!(client.keys(), ["key-1", "key-1"], "{status}");
        assert_eq!(fake.runs(), 1, "{status}");
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_failure_reaches_the_user_and_no_key_goes_out() {
    let (client, fake) = fixture(1);
    fake.does(&Script::failure(77, "signed out; run: acme login"));
    let output = client.ask();
    let said = output.exits(1).error_line();
    assert!(said.ends_with("exited 77: claude-credential: entry acme: signed out; run: acme login"), "{said}");
    assert_eq!(client.api.messages().len(), 1);
    assert_eq!(client.api.credentials(), [] as [&str; 0]);
}

/// Claude Code, with a chain of one helper that mints a new key at every run, so many times.
fn fixture(keys: usize) -> (RealClient, Fake) {
    let client = RealClient::new();
    let fake = client.sandbox.fake("acme", &Script::secrets(client.sandbox.keys(keys)));
    client.sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n\n{}", fake.entry_with("vary = []")));
    (client, fake)
}
