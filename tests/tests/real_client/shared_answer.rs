//! One client, its shell tool, a client in that, and a terminal: all of them share one answer.

use std::fs;

use claude_credential_tests::real_client::RealClient;
use claude_credential_tests::script::Script;
use claude_credential_tests::{Fake, wait_until, waits_for};

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn the_client_its_shell_tool_a_nested_client_and_a_terminal_cost_one_run() {
    let (client, fake) = with_command();
    let nested: Vec<_> = client.command().into_iter().map(|word| word.into_string().expect("UTF-8")).collect();
    client.api.wants(&format!("claude-credential print >/dev/null && {} >nested", nested.join(" ")));
    assert_eq!(client.ask().succeeds().stdout, "done\n");
    assert_eq!(fs::read_to_string(client.project().join("nested")).expect("its answer"), "done\n");
    assert_eq!(client.sandbox.print().run().key(), "key-1");
    assert_eq!(client.keys(), ["key-1", "key-1", "key-1"]);
    assert_eq!(fake.runs(), 1);
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_refusal_that_a_terminal_reports_gives_the_client_the_new_key_without_another_run() {
    let (client, fake) = with_command();
    let gate = client.sandbox.root().join("gate");
    client.api.wants(&waits_for(&gate));
    let running = client.call().start();
    wait_until(|| client.api.messages().len() == 1);
    assert_eq!(client.sandbox.print().arg("--rejected").run().key(), "key-2");
    client.api.refuses("key-1", 401);
    fs::write(&gate, "").expect("a gate");
    assert_eq!(running.finish().succeeds().stdout, "done\n");
    assert_eq!(client.keys(), ["key-1", "key-1", "key-2"]);
    assert_eq!(fake.runs(), 2);
}

/// Claude Code, with a command that names no variable on which its answer depends. A helper may answer what the client
/// can't send, so a terminal and the client don't share its answers (`docs/design/cache-key.md`).
fn with_command() -> (RealClient, Fake) {
    let mut client = RealClient::new();
    // As everywhere but in a container, where the shell that the client starts sets it.
    client.sandbox.set("LOGNAME", "root");
    let fake = client.sandbox.fake("acme", &Script::secrets(client.sandbox.keys(4)));
    client.sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n\n{}", fake.command_entry("")));
    (client, fake)
}
