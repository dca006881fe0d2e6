//! The commands of the dispatcher.

use std::fs;
use std::path::PathBuf;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Answer, Client, Fake, Input, Sandbox, request, skip, tool};

#[test]
fn print_prints_each_format() {
    let (sandbox, key) = with_key();
    let printed = |options: &[&str]| sandbox.print().args(options).run().succeeds().stdout.clone();
    assert_eq!(printed(&[]), format!("{key}\n"));
    for (format, expected) in [
        ("key", format!("{key}\n")),
        ("header", format!("x-api-key: {key}\n")),
        ("curl", format!("header = \"x-api-key: {key}\"\n")),
        ("headers-json", format!("{{\"x-api-key\":\"{key}\"}}\n")),
    ] {
        assert_eq!(printed(&["--format", format]), expected);
    }
    for (shell, expected) in [
        ("sh", format!("export ANTHROPIC_API_KEY='{key}'\nunset ANTHROPIC_AUTH_TOKEN ")),
        ("fish", format!("set -gx ANTHROPIC_API_KEY '{key}'\nset -eg ANTHROPIC_AUTH_TOKEN; ")),
        ("powershell", format!("$env:ANTHROPIC_API_KEY = '{key}'\nRemove-Item Env:ANTHROPIC_AUTH_TOKEN,")),
    ] {
        let text = printed(&["--format", "env", "--shell", shell]);
        assert!(text.starts_with(&expected), "{shell}");
    }
    let json: serde_json::Value = serde_json::from_str(&printed(&["--format", "json"])).expect("JSON");
    assert_eq!((json["kind"].as_str(), json["credential"].as_str()), (Some("api-key"), Some(key.as_str())));
    assert_eq!(json["source"], "env:ANTHROPIC_API_KEY");
}

#[test]
fn a_bearer_token_is_printed_as_an_authorization_header() {
    let mut sandbox = Sandbox::new();
    let token = sandbox.secret("token");
    sandbox.set("ANTHROPIC_AUTH_TOKEN", &token);
    let printed = |format: &str| sandbox.print().args(["--format", format]).run().succeeds().stdout.clone();
    assert_eq!(printed("key"), format!("{token}\n"));
    assert_eq!(printed("header"), format!("Authorization: Bearer {token}\n"));
    assert_eq!(printed("curl"), format!("header = \"Authorization: Bearer {token}\"\n"));
    assert!(printed("env").starts_with(&format!("export ANTHROPIC_AUTH_TOKEN='{token}'\nunset ANTHROPIC_API_KEY ")));
}

#[test]
fn a_format_for_another_kind_of_credential_is_an_error_that_names_those_that_do() {
    let (sandbox, _key) = with_key();
    for format in ["sts", "credential-process"] {
        let output = sandbox.dispatcher(&["print", "--format", format]).run();
        assert!(output.fails(78).contains("--format"), "{output:#?}");
    }
}

#[test]
fn the_assignments_for_a_shell_survive_that_shell() {
    let (sandbox, key) = with_key();
    let script = "eval \"$(claude-credential print --format env)\"; unset X; printf %s \"$ANTHROPIC_API_KEY\"";
    let output = sandbox.call("/bin/sh", &["-c", script]).shows_secret().run();
    assert_eq!(output.succeeds().stdout, key);
}

#[test]
fn print_rejected_gets_another_key() {
    let (sandbox, fake) = fixture(3);
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(sandbox.print().arg("--rejected").run().key(), "key-2");
    assert_eq!(fake.last("get").expect("a get").rejected(), Some("key-1"));
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn the_cache_is_listed_without_secrets_and_cleared() {
    let (sandbox, fake) = fixture(2);
    assert_eq!(sandbox.print().run().key(), "key-1");
    let list = sandbox.dispatcher(&["cache", "list"]).run();
    assert!(list.succeeds().stdout.contains("acme") && list.stdout.contains("api.anthropic.com"), "{list:#?}");
    sandbox.dispatcher(&["cache", "clear"]).run().succeeds();
    assert_eq!(sandbox.files_with_secrets(), Vec::<PathBuf>::new());
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn without_cache_nothing_is_read_locked_or_written() {
    let (sandbox, fake) = fixture(4);
    assert_eq!(sandbox.print().arg("--no-cache").run().key(), "key-1");
    assert!(!sandbox.runtime().exists(), "{:?}", sandbox.runtime_files());
    assert_eq!(sandbox.print().run().key(), "key-2");
    let contents = |file: PathBuf| (fs::read(&file).expect("a file"), fs::metadata(file).expect("it").modified().ok());
    let before: Vec<_> = sandbox.runtime_files().into_iter().map(contents).collect();
    assert_eq!(sandbox.dispatcher(&["--no-cache", "print"]).shows_secret().run().key(), "key-3");
    let after: Vec<_> = sandbox.runtime_files().into_iter().map(contents).collect();
    assert_eq!(before, after);
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.runs(), 3);
}

#[test]
fn without_cache_a_lock_that_somebody_holds_is_not_waited_for() {
    let (sandbox, fake) = fixture(1);
    let gate = sandbox.root().join("gate");
    fake.does(&Script::steps(sandbox.keys(2).into_iter().map(Does::answers)).behind(&gate));
    let holder = sandbox.print().start();
    fake.wait_for_runs(1);
    let other = sandbox.print().arg("--no-cache").start();
    fake.wait_for_runs(2);
    fs::write(gate, "").expect("a gate");
    let mut keys = [holder.finish().key(), other.finish().key()];
    keys.sort();
    assert_eq!(keys, ["key-1", "key-2"]);
}

#[test]
fn a_profile_is_chosen_by_option_or_variable() {
    let sandbox = two_profiles();
    assert_eq!(sandbox.print().run().key(), "one");
    assert_eq!(sandbox.print().args(["--profile", "other"]).run().key(), "two");
    assert_eq!(sandbox.dispatcher(&["--profile", "other", "print"]).shows_secret().run().key(), "two");
    assert_eq!(sandbox.print().with("CLAUDE_CREDENTIAL_PROFILE", "other").run().key(), "two");
    let both = sandbox.print().with("CLAUDE_CREDENTIAL_PROFILE", "other").args(["--profile", "default"]);
    assert_eq!(both.run().key(), "one");
    sandbox.dispatcher(&["print", "--profile", "missing"]).run().fails(78);
}

#[test]
fn a_variable_chooses_no_profile_for_the_client() {
    let sandbox = two_profiles();
    let client = Client::usual(&sandbox).with("CLAUDE_CREDENTIAL_PROFILE", "other");
    assert_eq!(client.key(), "one");
    let setting = format!("{} --profile other api-key-helper", sandbox.bin("claude-credential").display());
    assert_eq!(Client::new(&sandbox, setting).key(), "two");
}

#[test]
fn a_chain_is_chosen_by_option() {
    let sandbox = two_profiles();
    assert_eq!(sandbox.print().args(["--chain", "second,first"]).run().key(), "two");
    assert_eq!(sandbox.print().args(["--chain", "first"]).run().key(), "one");
    let built_in = sandbox.print().args(["--chain", "api-key"]).with("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    assert_eq!(built_in.run().key(), "api-key");
    sandbox.dispatcher(&["print", "--chain", "missing"]).run().fails(78);
}

#[test]
fn a_config_is_chosen_by_option() {
    let (sandbox, _fake) = fixture(1);
    let other = sandbox.fake("other", &Script::secrets([sandbox.secret("other")]));
    let config = sandbox.write("elsewhere.toml", format!("[profile.default]\nchain = [\"other\"]\n{}", other.entry()));
    assert_eq!(sandbox.print().arg("--config").arg(&config).run().key(), "other");
    assert_eq!(sandbox.print().run().key(), "key-1");
    sandbox.dispatcher(&["print", "--config", "/no/such/file.toml"]).run().fails(78);
}

#[test]
fn capability_and_the_wire_are_git_s() {
    let (sandbox, key) = with_key();
    let capability = sandbox.dispatcher(&["capability"]).run();
    assert!(capability.succeeds().stdout.starts_with("version 0\ncapability authtype\n"), "{capability:#?}");
    let get = sandbox.dispatcher(&["get"]).shows_secret().says(request("api.anthropic.com", &[])).run();
    let answer = Answer::parse(&get.succeeds().stdout);
    assert_eq!((answer.get("password"), answer.ended), (Some(key.as_str()), true));
}

#[test]
fn the_dispatcher_reads_messages_as_strictly_as_a_helper() {
    let (sandbox, _key) = with_key();
    let pasted = sandbox.secret("pasted");
    for (message, line) in [
        ("protocol=https\n\n".to_owned(), 2),
        ("protocol=https\nhost=a\rhost=b\n\n".to_owned(), 2),
        ("protocol=https\nhost=a\0\n\n".to_owned(), 2),
        (request("api.anthropic.com", &[&pasted]), 3),
        (request("api.anthropic.com", &[&"x".repeat(70_000)]), 3),
    ] {
        for operation in ["get", "store", "erase"] {
            let output = sandbox.dispatcher(&[operation]).says(message.clone()).run();
            assert!(output.exits(65).error_line().contains(&format!("line {line}")), "{output:#?}");
        }
    }
}

#[test]
fn an_operation_that_nobody_knows_is_silence() {
    let (sandbox, _key) = with_key();
    let output = sandbox.dispatcher(&["approve"]).says(request("api.anthropic.com", &[])).run();
    assert_eq!(output.succeeds().stdout, "");
}

#[test]
fn a_misspelt_command_with_arguments_is_a_usage_error() {
    let output = Sandbox::new().dispatcher(&["statsu", "--min-ttl", "10m"]).run();
    assert_eq!(output.exits(2).stdout, "");
    assert!(output.stderr.contains("Usage: "), "{output:#?}");
}

#[test]
fn at_a_terminal_an_operation_that_nobody_knows_gets_usage() {
    let Some(script) = tool("script") else { return skip("usage at a terminal", "no script") };
    let (sandbox, _key) = with_key();
    for program in ["claude-credential", "claude-credential-apikey"] {
        for operation in ["", "approve"] {
            let command = format!("{program} {operation}");
            let output = sandbox.call(&script, &["-qec", &command, "/dev/null"]).input(Input::Open(Vec::new())).run();
            assert!(output.exits(2).stdout.contains("sage: "), "{output:#?}");
        }
    }
}

#[test]
fn an_unknown_word_runs_an_installed_program_of_that_name() {
    let sandbox = Sandbox::new();
    sandbox.script("claude-credential-weather", "echo \"weather $*\"; exit 7");
    let output = sandbox.dispatcher(&["weather", "today", "--long"]).run();
    assert_eq!(output.exits(7).stdout, "weather today --long\n");
    sandbox.dispatcher(&["../weather"]).run();
}

#[test]
fn somebody_is_there_only_at_a_terminal_and_unless_the_caller_says_otherwise() {
    let Some(script) = tool("script") else { return skip("calls at a terminal", "no script") };
    let (sandbox, fake) = fixture(9);
    let interactive = || fake.last("get").and_then(|heard| heard.get("claude.interactive").map(str::to_owned));
    let at_terminal = |options: &str| {
        let command = format!("claude-credential --no-cache {options} print");
        sandbox.call(&script, &["-qec", &command, "/dev/null"]).input(Input::Open(Vec::new())).shows_secret().run()
    };
    at_terminal("").exits(0);
    assert_eq!(interactive().as_deref(), Some("auto"));
    at_terminal("--no-input").exits(0);
    assert_eq!(interactive().as_deref(), Some("never"));
    sandbox.print().arg("--no-cache").run().exits(0);
    assert_eq!(interactive().as_deref(), Some("never"));
}

#[test]
fn at_a_terminal_whoever_is_signed_out_is_asked_whether_to_sign_in() {
    let Some(script) = tool("script") else { return skip("signing in at a terminal", "no script") };
    for (typed, code) in [("y\n", 0), ("\n", 0), ("n\n", 77)] {
        let (sandbox, fake) = fixture(1);
        let signed_out = Does::Fails { code: 77, stderr: "signed out; run: acme login".to_owned(), secret: None };
        fake.does(&Script::steps([signed_out, Does::answers(sandbox.secret("key-1"))]));
        let call = sandbox.call(&script, &["-qec", "claude-credential print", "/dev/null"]).shows_secret();
        let output = call.input(Input::Open(typed.as_bytes().to_vec())).run();
        assert!(output.exits(code).stdout.contains("sign in to acme now?"), "{output:#?}");
        assert_eq!(output.stdout.contains("-key-1"), code == 0, "{output:#?}");
        assert_eq!(fake.last("login").is_some(), code == 0);
        assert_eq!(fake.runs(), if code == 0 { 2 } else { 1 });
    }
}

#[test]
fn demo_shows_itself_working() {
    let output = Sandbox::new().dispatcher(&["demo"]).run();
    assert!(output.exits(0).stdout.lines().count() >= 4, "{output:#?}");
}

#[test]
fn an_option_that_nobody_knows_is_a_usage_error() {
    let output = Sandbox::new().dispatcher(&["print", "--no-such-option"]).run();
    assert_eq!(output.exits(2).stdout, "");
    assert!(output.stderr.contains("--no-such-option"), "{output:#?}");
}

fn with_key() -> (Sandbox, String) {
    let mut sandbox = Sandbox::new();
    let key = sandbox.secret("api-key");
    sandbox.set("ANTHROPIC_API_KEY", &key);
    (sandbox, key)
}

/// A chain of one helper that mints a new key at every run.
fn fixture(keys: usize) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(keys)));
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}

fn two_profiles() -> Sandbox {
    let sandbox = Sandbox::new();
    let first = sandbox.fake("first", &Script::secrets([sandbox.secret("one")]));
    let second = sandbox.fake("second", &Script::secrets([sandbox.secret("two")]));
    let entries = first.entry() + &second.entry();
    sandbox
        .config(&format!("[profile.default]\nchain = [\"first\"]\n[profile.other]\nchain = [\"second\"]\n{entries}"));
    sandbox
}
