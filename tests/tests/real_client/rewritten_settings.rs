//! A settings file that is rewritten makes the client run its helper again. That says nothing about the key.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, thread};

use claude_credential_tests::real_client::RealClient;
use claude_credential_tests::script::Script;
use claude_credential_tests::{Fake, Output, wait_until, waits_for};
use serde_json::{Value, json};

/// More than the client takes to notice that a file was rewritten.
const NOTICE: Duration = Duration::from_secs(5);

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn settings_that_are_rewritten_are_no_refusal() {
    // The last is what the client itself does where the user allows something for good.
    for (file, settings) in [
        ("home/.claude/settings.json", json!({})),
        ("home/.claude/settings.json", json!({"env": {"TEAM": "red"}})),
        ("home/project/.claude/settings.local.json", json!({"permissions": {"allow": ["Bash(ls)"]}})),
    ] {
        let client = Rewriting::new();
        let output = client.while_it_runs(|| client.rewrite(file, settings));
        assert_eq!(output.succeeds().stdout, "done\n", "{file}");
        assert_eq!(client.calls(), 2, "{file}: the client has not noticed");
        assert_eq!(client.client.keys(), ["key-1", "key-1"], "{file}");
        assert_eq!(client.fake.runs(), 1, "{file}");
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_refusal_after_settings_were_rewritten_is_one_all_the_same() {
    let client = Rewriting::new();
    let output = client.while_it_runs(|| {
        client.rewrite("home/.claude/settings.json", json!({}));
        client.client.api.refuses("key-1", 401);
    });
    assert_eq!(output.succeeds().stdout, "done\n");
    assert_eq!(client.client.keys(), ["key-1", "key-1", "key-2"]);
    assert_eq!(client.calls(), 3, "the client has not noticed");
    assert_eq!(client.fake.runs(), 2);
}

/// Claude Code, with a helper of one entry, and a setting that counts how often it is run.
struct Rewriting {
    client: RealClient,
    fake: Fake,
    gate: PathBuf,
}

impl Rewriting {
    fn new() -> Self {
        let client = RealClient::without_setting();
        let fake = client.sandbox.fake("acme", &Script::secrets(client.sandbox.keys(3)));
        client.sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n\n{}", fake.entry_with("vary = []")));
        let gate = client.sandbox.root().join("gate");
        client.api.wants(&waits_for(&gate));
        let client = Self { client, fake, gate };
        client.rewrite("home/.claude/settings.json", json!({}));
        client
    }

    /// Writes a settings file anew: the setting for the helper, and what is new.
    fn rewrite(&self, file: &str, mut settings: Value) {
        let dispatcher = self.client.sandbox.bin("claude-credential");
        if file.ends_with("settings.json") {
            let helper = format!("echo >>{}; {} api-key-helper", self.log().display(), dispatcher.display());
            settings["apiKeyHelper"] = helper.into();
        }
        self.client.sandbox.write(self.client.sandbox.root().join(file), settings.to_string());
    }

    /// Does something between the client's first request and its second.
    #[track_caller]
    fn while_it_runs(&self, work: impl FnOnce()) -> Output {
        let running = self.client.call().start();
        wait_until(|| self.client.api.messages().len() == 1);
        work();
        thread::sleep(NOTICE);
        fs::write(&self.gate, "").expect("a gate");
        running.finish()
    }

    fn log(&self) -> PathBuf {
        self.client.sandbox.root().join("calls")
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.log()).unwrap_or_default().lines().count()
    }
}
