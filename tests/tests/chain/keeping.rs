//! What is kept and forgotten: `login`, `logout`, `store`, `erase`.

use std::fs;
use std::path::PathBuf;

use claude_credential_tests::script::Script;
use claude_credential_tests::{Fake, Sandbox, request};

#[test]
fn login_and_logout_are_passed_on_to_the_helper_of_the_entry() {
    let (sandbox, fake) = fixture(1);
    for word in ["login", "logout"] {
        sandbox.dispatcher(&[word, "acme", "--account", "alice"]).run().exits(0);
        let heard = fake.last(word).expect("it was passed on");
        assert_eq!(heard.fields.iter().map(|(option, _)| option.as_str()).collect::<Vec<_>>(), ["--account", "alice"]);
    }
    let unknown = sandbox.dispatcher(&["login", "missing"]).run();
    assert!(unknown.fails(78).contains("missing"), "{unknown:#?}");
}

#[test]
fn a_key_is_stored_listed_printed_and_removed_by_login_and_logout() {
    let sandbox = Sandbox::new();
    sandbox.config("key_store = \"file\"\n");
    let login = sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept") + "\n").run();
    assert!(login.exits(0).stderr.contains("file") || login.stdout.contains("file"), "where? {login:#?}");
    assert_eq!(sandbox.print().run().key(), "kept");
    let list = sandbox.dispatcher(&["cache", "list"]).run();
    assert!(list.succeeds().stdout.contains("kept key"), "{list:#?}");
    sandbox.dispatcher(&["logout", "api-key"]).run().exits(0);
    sandbox.dispatcher(&["print"]).run().exits(1);
    assert_eq!(sandbox.files_with_secrets(), Vec::<PathBuf>::new());
}

#[test]
fn nothing_outlives_a_logout() {
    let (sandbox, fake) = fixture(2);
    let config = fs::read_to_string(sandbox.config_file()).expect("the config");
    sandbox.config(&format!("key_store = \"file\"\n{config}"));
    assert_eq!(sandbox.print().run().key(), "key-1");
    sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run().exits(0);
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn claude_ai_is_signed_in_by_the_official_client() {
    let sandbox = Sandbox::new();
    let missing = sandbox.dispatcher(&["login", "claude"]).run();
    assert!(missing.fails(78).contains("claude auth login"), "{missing:#?}");
    sandbox.script("claude", "echo \"$@\"; exit 5");
    assert_eq!(sandbox.dispatcher(&["login", "claude"]).run().exits(5).stdout, "auth login\n");
    assert_eq!(sandbox.dispatcher(&["logout", "claude"]).run().exits(5).stdout, "auth logout\n");
}

#[test]
fn store_reaches_only_the_entry_that_is_marked_for_it() {
    let sandbox = Sandbox::new();
    let (plain, keeper) = (sandbox.fake("plain", &Script::none()), sandbox.fake("keeper", &Script::none()));
    let entries = plain.entry() + &keeper.entry_with("store = true");
    sandbox.config(&format!("[profile.default]\nchain = [\"plain\", \"keeper\"]\n\n{entries}"));
    let password = format!("password={}", sandbox.secret("new"));
    let message = request("api.anthropic.com", &["username=x-api-key", &password]);
    for operation in ["store", "erase"] {
        sandbox.dispatcher(&[operation]).says(message.clone()).run().succeeds();
        assert!(plain.last(operation).is_none());
        let heard = keeper.last(operation).expect("it was passed on");
        assert_eq!(heard.get("password").or(heard.get("credential")), Some("new"));
    }
    let ephemeral = request("api.anthropic.com", &["capability[]=authtype", "ephemeral=1", &password]);
    sandbox.dispatcher(&["store"]).says(ephemeral).run().succeeds();
    assert_eq!(keeper.heard().iter().filter(|heard| heard.operation == "store").count(), 1);
}

#[test]
fn erase_lets_the_next_get_ask_again() {
    let (sandbox, fake) = fixture(3);
    assert_eq!(sandbox.print().run().key(), "key-1");
    let erase = |name: &str| {
        let lines = ["username=x-api-key".to_owned(), format!("password={}", sandbox.secret(name))];
        let message = request("api.anthropic.com", &[&lines[0], &lines[1]]);
        sandbox.dispatcher(&["erase"]).says(message).run().succeeds();
    };
    erase("another");
    assert_eq!(sandbox.print().run().key(), "key-1");
    erase("key-1");
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.last("get").expect("a get").rejected(), Some("key-1"));
    assert_eq!(fake.runs(), 2);
}

/// A chain of one helper that mints a new key at every run.
fn fixture(keys: usize) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(keys)));
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}
