//! The 401 rule: the client says nothing of a refusal but that it asks again after a second.

use std::fs;
use std::thread;
use std::time::Duration;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Answer, Client, Fake, Sandbox, label, long_tests, request};

#[test]
fn a_key_that_was_refused_once_is_replaced_by_one_further_run() {
    let (sandbox, fake) = fixture(3);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    assert_eq!(client.refused(), "key-2");
    assert_eq!(fake.runs(), 2);
    assert_eq!(fake.last("get").expect("a get").rejected(), Some("key-1"));
    assert_eq!(Client::usual(&sandbox).key(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn two_clients_with_the_same_refused_key_make_two_runs_in_all() {
    let (sandbox, fake) = fixture(3);
    let (one, other) = (Client::usual(&sandbox), Client::usual(&sandbox));
    assert_eq!((one.key(), other.key()), ("key-1".to_owned(), "key-1".to_owned()));
    assert_eq!(one.refused(), "key-2");
    assert_eq!(other.refused(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn two_clients_whose_key_is_refused_at_the_same_moment_make_two_runs_in_all() {
    let (sandbox, fake) = fixture(3);
    let (one, other) = (Client::usual(&sandbox), Client::usual(&sandbox));
    assert_eq!((one.key(), other.key()), ("key-1".to_owned(), "key-1".to_owned()));
    other.idle(Duration::from_millis(1050));
    let (first, second) = (one.start(), other.start());
    assert_eq!((first.finish().key(), second.finish().key()), ("key-2".to_owned(), "key-2".to_owned()));
    assert_eq!(fake.runs(), 2);
}

#[test]
fn after_idling_a_refusal_of_the_old_key_leaves_the_new_one() {
    let (sandbox, fake) = fixture(3);
    let client = Client::usual(&sandbox).with("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "2500");
    assert_eq!(client.key(), "key-1");
    client.idle(Duration::from_millis(2600));
    // The client sends key-1 once more and runs the setting beside that.
    assert_eq!(client.key(), "key-2");
    // Now the 401 of key-1 arrives.
    assert_eq!(client.refused(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn three_refusals_of_the_first_key_leave_the_second() {
    let (sandbox, fake) = fixture(3);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    assert_eq!(client.refused(), "key-2");
    for _ in 0..2 {
        client.idle(Duration::from_millis(2500));
        assert_eq!(client.key(), "key-2");
    }
    assert_eq!(fake.runs(), 2);
}

#[test]
fn a_key_that_is_refused_again_and_again_is_replaced_after_all() {
    let (sandbox, fake) = fixture(3);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    assert_eq!(client.refused(), "key-2");
    // Twice it has the benefit of the doubt, and a run may be put off for a while after the last one.
    let mut keys: Vec<String> = Vec::new();
    while keys.last().is_none_or(|key| key == "key-2") && keys.len() < 20 {
        keys.push(client.refused());
    }
    assert_eq!(keys.last().map(String::as_str), Some("key-3"), "{keys:?}");
    assert!(keys.len() > 2, "{keys:?}");
    assert_eq!(fake.runs(), 3);
}

#[test]
fn a_static_key_that_is_refused_for_ever_is_fetched_six_times_in_250_seconds_at_most() {
    if !long_tests() {
        return;
    }
    let (sandbox, fake) = fixture(1);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    // As the client was seen to do it.
    for gap in [1.0, 1.0, 2.0, 4.6, 8.0, 16.0, 32.0, 35.0, 37.0, 38.0, 39.0, 40.0] {
        client.idle(Duration::from_secs_f64(gap));
        assert_eq!(client.key(), "key-1");
    }
    assert!(fake.runs() <= 6, "{} runs", fake.runs());
}

#[test]
fn a_static_key_that_is_refused_is_not_fetched_at_every_call() {
    let (sandbox, fake) = fixture(1);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    for _ in 0..4 {
        assert_eq!(client.refused(), "key-1");
    }
    assert_eq!(fake.runs(), 2);
}

#[test]
fn a_client_that_asks_again_because_its_settings_were_rewritten_was_refused_nothing() {
    let (sandbox, fake) = fixture(3);
    let folder = sandbox.folder("clone/deep");
    let client = Client::usual(&sandbox).in_folder(&folder);
    assert_eq!(client.key(), "key-1");
    for file in [".claude/settings.json", "clone/deep/.claude/settings.json", "clone/.claude/settings.local.json"] {
        client.idle(Duration::from_millis(100));
        let new = sandbox.write("new", "{}");
        let file = sandbox.home().join(file);
        fs::create_dir_all(file.parent().expect("a folder")).and_then(|()| fs::rename(new, &file)).expect("settings");
        assert_eq!(client.refused(), "key-1", "{}", file.display());
    }
    client.idle(Duration::from_millis(100));
    fs::remove_file(folder.join(".claude/settings.json")).expect("the settings are gone");
    assert_eq!(client.refused(), "key-1", "they were removed");
    assert_eq!(fake.runs(), 1);
    assert_eq!(client.refused(), "key-2", "settings from before the hand-out are no reason to ask again");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn settings_that_are_rewritten_before_every_call_do_not_keep_a_refused_key() {
    let (sandbox, fake) = fixture(3);
    let folder = sandbox.folder("clone");
    let client = Client::usual(&sandbox).in_folder(&folder);
    assert_eq!(client.key(), "key-1");
    let keys: Vec<String> = (0..7)
        .map(|_| {
            client.idle(Duration::from_millis(100));
            sandbox.write("clone/.claude/settings.json", "{}");
            client.refused()
        })
        .collect();
    assert_eq!(keys.iter().filter(|key| *key == "key-1").count(), 5, "{keys:?}");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn other_files_beside_the_settings_are_no_reason_to_ask_again() {
    let (sandbox, _fake) = fixture(3);
    let folder = sandbox.folder("clone");
    sandbox.write("clone/.claude/settings.json", "{}");
    let client = Client::usual(&sandbox).in_folder(&folder);
    assert_eq!(client.key(), "key-1");
    client.idle(Duration::from_millis(100));
    sandbox.write("clone/.claude/commands.md", "");
    assert_eq!(client.refused(), "key-2");
}

#[test]
fn a_key_that_the_user_says_is_refused_does_not_come_back_if_there_is_no_other_at_once() {
    let (sandbox, fake) = fixture(1);
    fake.does(&Script::steps([
        Does::answers(sandbox.secret("key-1")),
        Does::Fails { code: 75, stderr: "no network".to_owned(), secret: None },
        Does::answers(sandbox.secret("key-2")),
    ]));
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert!(sandbox.dispatcher(&["print", "--rejected"]).run().fails(75).contains("no network"));
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.last("get").expect("a get").rejected(), Some("key-1"));
}

#[test]
fn a_refusal_in_a_terminal_reaches_the_client_whose_chain_goes_on_further() {
    let (sandbox, fake) = fixture(1);
    assert_eq!((sandbox.print().run().key(), Client::usual(&sandbox).key()), ("key-1".to_owned(), "key-1".to_owned()));
    fake.does(&Script::secrets([sandbox.secret("key-2")]));
    assert_eq!(sandbox.print().arg("--rejected").run().key(), "key-2");
    assert_eq!(Client::usual(&sandbox).key(), "key-2");
}

#[test]
fn a_refusal_in_a_terminal_that_was_given_no_key_is_about_the_client_s() {
    let (sandbox, fake) = fixture(3);
    assert_eq!(Client::usual(&sandbox).key(), "key-1");
    assert_eq!(sandbox.print().arg("--rejected").run().key(), "key-2");
    assert_eq!(fake.last("get").expect("a get").rejected(), Some("key-1"));
    assert_eq!(Client::usual(&sandbox).key(), "key-3");
}

#[test]
fn a_loop_in_a_shell_is_no_refusal() {
    let (sandbox, fake) = fixture(2);
    for _ in 0..4 {
        let output = sandbox.call("/bin/sh", &["-c", "claude-credential api-key-helper"]).shows_secret().run();
        assert_eq!(output.key(), "key-1");
        thread::sleep(Duration::from_millis(950));
    }
    assert_eq!(fake.runs(), 1);
}

#[test]
fn a_loop_in_the_shell_tool_of_the_client_is_no_refusal() {
    let (sandbox, fake) = fixture(2);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    for _ in 0..3 {
        client.idle(Duration::from_secs(1));
        assert_eq!(client.shell_tool("claude-credential api-key-helper").shows_secret().run().key(), "key-1");
        thread::sleep(Duration::from_millis(950));
    }
    assert_eq!(fake.runs(), 1);
}

#[test]
fn a_wrapper_around_the_setting_changes_nothing() {
    let sandbox = Sandbox::new();
    let us = sandbox.bin("claude-credential").display().to_string();
    let wrapper = sandbox.script("wrapper", &format!("key=$({us} api-key-helper) || exit\nprintf '%s\\n' \"$key\""));
    let settings = [
        wrapper.display().to_string(),
        format!("timeout 20 {us} api-key-helper"),
        format!("{us} api-key-helper | cat"),
    ];
    thread::scope(|scope| {
        for setting in &settings {
            scope.spawn(move || replaces_a_refused_key(|sandbox| Client::new(sandbox, setting)));
        }
    });
}

#[test]
fn without_a_token_the_process_that_runs_the_setting_is_the_caller() {
    let sandbox = Sandbox::new();
    let us = sandbox.bin("claude-credential").display().to_string();
    let wrapper = sandbox.script("wrapper", &format!("env LANG=C {us} api-key-helper"));
    let settings = [
        format!("{us} api-key-helper"),
        wrapper.display().to_string(),
        format!("timeout 20 {us} api-key-helper"),
        format!("{us} api-key-helper | cat"),
    ];
    thread::scope(|scope| {
        for setting in &settings {
            scope.spawn(move || replaces_a_refused_key(|sandbox| Client::new(sandbox, setting).without_token()));
        }
    });
}

#[test]
fn print_never_drops_a_key() {
    let (sandbox, fake) = fixture(2);
    for _ in 0..10 {
        assert_eq!(sandbox.print().run().key(), "key-1");
    }
    thread::sleep(Duration::from_millis(1050));
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(fake.runs(), 1);
}

#[test]
fn at_a_ttl_of_0_the_rule_is_off() {
    let (sandbox, fake) = fixture(3);
    let client = Client::usual(&sandbox).with("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "0");
    assert_eq!(client.key(), "key-1");
    assert_eq!(client.refused(), "key-2");
    assert!(fake.heard().iter().all(|heard| heard.rejected().is_none()), "{:?}", fake.heard());
}

#[test]
fn a_refused_key_stays_in_use_until_there_is_another() {
    let (sandbox, fake) = fixture(1);
    fake.does(&Script::steps([
        Does::answers(sandbox.secret("key-1")),
        Does::Fails { code: 75, stderr: "no network".to_owned(), secret: None },
    ]));
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    client.idle(Duration::from_millis(1050));
    // Who was refused hears why there is no other; for all others it may still be good.
    assert!(client.call().fails(75).contains("no network"));
    assert_eq!(fake.runs(), 2);
    assert_eq!(Client::usual(&sandbox).key(), "key-1");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn only_the_entry_that_gave_the_refused_key_learns_it() {
    let sandbox = Sandbox::new();
    let before = sandbox.fake("before", &Script::none());
    let giver = sandbox.fake("giver", &Script::steps([Does::answers(sandbox.secret("key-1")), Does::HasNone]));
    let after = sandbox.fake("after", &Script::secrets([sandbox.secret("after")]));
    sandbox.chain(&[&before, &giver, &after]);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    assert_eq!(client.refused(), "after");
    assert_eq!(giver.last("get").expect("a get").rejected(), Some("key-1"));
    for other in [&before, &after] {
        assert!(other.heard().iter().all(|heard| heard.get("credential").is_none()), "{:?}", other.heard());
    }
}

#[test]
fn a_caller_of_the_wire_says_what_was_refused_and_gets_another() {
    let (sandbox, fake) = fixture(4);
    let get = |lines: &[&str]| {
        let lines = [&["capability[]=authtype", "capability[]=claude.v1"], lines].concat();
        let output = sandbox.dispatcher(&["get"]).says(request("api.anthropic.com", &lines)).shows_secret().run();
        label(Answer::parse(&output.succeeds().stdout).get("credential").expect("a credential"))
    };
    let refused = |name: &str| get(&["claude.reason=rejected", &format!("credential={}", sandbox.secret(name))]);
    assert_eq!(get(&[]), "key-1");
    assert_eq!(refused("key-1"), "key-2");
    // Somebody has already done the work for whoever still holds the first one.
    assert_eq!(refused("key-1"), "key-2");
    assert_eq!(get(&[]), "key-2");
    assert_eq!(fake.runs(), 2);
}

/// A chain of one helper that mints a new key at every run, so many times.
fn fixture(keys: usize) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(keys)));
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}

fn replaces_a_refused_key(client: impl FnOnce(&Sandbox) -> Client<'_>) {
    let (sandbox, fake) = fixture(3);
    let client = client(&sandbox);
    assert_eq!(client.key(), "key-1");
    assert_eq!(client.refused(), "key-2");
    assert_eq!(fake.runs(), 2);
}
