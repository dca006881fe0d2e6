//! Secrets are where they were asked for and nowhere else. Every sandbox looks for that in all that its test runs; here
//! every command is run for it, as wordy as it can be, with every command line of every process traced.

use std::fs;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Call, Client, Sandbox, request, skip, tool};
use serde_json::json;

#[test]
fn no_command_says_a_secret_that_it_was_not_asked_for() {
    let sandbox = full_house();
    for verbose in [&[][..], &["--verbose"], &["-v", "--no-cache"]] {
        for (args, input, shows) in commands(&sandbox) {
            let call = sandbox.dispatcher(&args).args(verbose).says(input);
            let call = if shows { call.shows_secret() } else { call };
            let output = wordy(call).run();
            assert!(output.code().is_some(), "{output:#?}");
        }
    }
}

#[test]
fn no_command_line_of_any_process_holds_a_secret() {
    let Some(strace) = tool("strace") else { return skip("the command lines of all processes", "no strace") };
    let sandbox = full_house();
    let trace = sandbox.root().join("io/trace");
    let mut processes = 0;
    for (args, input, _) in commands(&sandbox) {
        let call = sandbox.call(&strace, &["-f", "-qq", "-e", "trace=execve", "-s", "65535", "-o"]).arg(&trace);
        call.arg(sandbox.bin("claude-credential")).args(args).says(input).shows_secret().run();
        let trace = fs::read(&trace).expect("a trace");
        assert!(!sandbox.canary().is_in(&trace), "{}", String::from_utf8_lossy(&trace));
        processes +=
            trace.split(|byte| *byte == b'\n').filter(|line| line.windows(7).any(|word| word == b"execve(")).count();
    }
    assert!(processes > 40, "only {processes} processes were seen");
}

#[test]
fn no_failure_says_a_secret() {
    for (name, does) in [
        ("an-exit", |secret| Does::Fails { code: 77, stderr: "sign in".into(), secret: Some(secret) }),
        ("a-cut", Does::Truncates),
        ("a-child", Does::LeavesChild),
        ("a-host", |secret| Does::answers_with(secret, &["host=evil.example"])),
        ("no-equals", |secret| Does::Prints(format!("{secret}\n\n"))),
        ("a-key", |secret: String| Does::Prints(format!("{secret}=x\n\n"))),
    ] as [(&str, fn(String) -> Does); 6]
    {
        let sandbox = Sandbox::new();
        let fake = sandbox.fake(name, &Script::new(does(sandbox.secret(name))));
        sandbox.chain(&[&fake]);
        for args in [&["print", "--verbose"][..], &["get"], &["api-key-helper", "-v"], &["print", "--rejected"]] {
            let output = wordy(sandbox.dispatcher(args)).says(request("api.anthropic.com", &[])).run();
            assert!(!output.stderr.is_empty(), "{output:#?}");
        }
    }
}

#[test]
fn no_failure_of_a_helper_says_a_secret() {
    let mut sandbox = full_house();
    sandbox.set("ANTHROPIC_API_KEY", format!("{} with a blank", sandbox.secret("variable")));
    sandbox.write("key-file", format!("{}\n{}\n", sandbox.secret("one"), sandbox.secret("two")));
    sandbox.write(".claude/.credentials.json", format!("{{\"claudeAiOauth\": {}", sandbox.secret("login")));
    sandbox.write(".claude/settings.json", format!("{{\"apiKeyHelper\": {}", sandbox.secret("setting")));
    for (helper, options) in [
        ("apikey", &["--source", "env"][..]),
        ("apikey", &["--source", "api-key-helper"]),
        ("apikey", &["--file", "key-file"]),
        ("oauth", &["--source", "claude"]),
    ] {
        let program = sandbox.bin(&format!("claude-credential-{helper}"));
        for operation in ["get", "store", "erase", "print"] {
            let pasted = sandbox.secret("pasted");
            for message in [request("api.anthropic.com", &[]), request("api.anthropic.com", &[&pasted])] {
                let output = wordy(sandbox.call(&program, options)).arg(operation).says(message).run();
                assert!(output.code().is_some(), "{output:#?}");
            }
        }
    }
}

#[test]
fn the_token_of_the_client_is_kept_nowhere() {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(["made-up-1".to_owned(), "made-up-2".to_owned()]));
    sandbox.chain(&[&fake]);
    let client = Client::usual(&sandbox);
    client.call().succeeds();
    client.idle(std::time::Duration::from_millis(1050));
    client.call().succeeds();
    assert_eq!(fake.runs(), 2);
    // Its token has the canary in it, and the keys of this test have not.
    assert_eq!(sandbox.files_with_secrets(), Vec::<std::path::PathBuf>::new());
}

/// As wordy as a program can be made from outside.
fn wordy(call: Call<'_>) -> Call<'_> {
    call.with("RUST_LOG", "trace")
        .with("RUST_BACKTRACE", "full")
        .with("CLAUDE_CREDENTIAL_LOG", "trace")
        .with("DEBUG", "1")
}

/// A secret in every source that there is.
fn full_house() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(99)));
    let failing = sandbox.fake("failing", &Script::failure(75, "no network"));
    let key = sandbox.write("helper-key", sandbox.secret("setting"));
    let entries = fake.entry() + &failing.entry_with("on_error = \"next\"\nstore = true");
    sandbox.config(&format!(
        "key_store = \"file\"\n[claude]\nlogin = \"read\"\n\
         [profile.default]\nchain = [\"failing\", \"acme\", \"shell\", \"api-key\"]\n\
         [profile.usual]\n[profile.command]\nchain = [\"shell\"]\n\
         [entry.shell]\nshell = \"cat {}\"\n{entries}",
        key.display()
    ));
    sandbox.settings(&json!({ "apiKeyHelper": format!("cat {}", key.display()) }));
    let oauth = json!({"accessToken": sandbox.secret("login"), "refreshToken": sandbox.secret("refresh"),
        "expiresAt": 4_102_444_800_000_u64, "scopes": ["user:inference"]});
    sandbox.write(".claude/.credentials.json", json!({ "claudeAiOauth": oauth }).to_string());
    sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run().exits(0);
    for name in ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_MESSAGING_TOKEN"]
    {
        sandbox.set(name, sandbox.secret(name));
    }
    sandbox
}

/// Every command with what it reads, and whether it is asked for a secret.
fn commands(sandbox: &Sandbox) -> Vec<(Vec<&'static str>, String, bool)> {
    let get = request("api.anthropic.com", &["capability[]=claude.v1"]);
    let kept = format!("password={}", sandbox.secret("stored"));
    let store = request("api.anthropic.com", &["username=x-api-key", &kept]);
    let rejected = format!("credential={}", sandbox.secret("key-1"));
    let rejected = request("api.anthropic.com", &["capability[]=claude.v1", "claude.reason=rejected", &rejected]);
    let pasted = request("api.anthropic.com", &[&sandbox.secret("pasted")]);
    let none = String::new;
    let mut found = vec![
        (vec!["api-key-helper"], none(), true),
        (vec!["get"], get.clone(), true),
        (vec!["get"], rejected, true),
        (vec!["get"], pasted.clone(), false),
        (vec!["get"], request("evil.example", &[]), false),
        (vec!["store"], store.clone(), false),
        (vec!["store"], pasted.clone(), false),
        (vec!["erase"], store, false),
        (vec!["erase"], pasted, false),
        (vec!["capability"], none(), false),
        (vec!["print", "--rejected"], none(), true),
        (vec!["print", "--host", "evil.example"], none(), false),
        (vec!["print", "--account", "nobody"], none(), true),
        (vec!["print", "--chain", "failing"], none(), false),
        (vec!["print", "--format", "sts"], none(), false),
        (vec!["print", "--format", "credential-process"], none(), false),
        (vec!["print", "--no-such-option"], none(), false),
        (vec!["cache", "list"], none(), false),
        (vec!["login", "missing"], none(), false),
        (vec!["login", "api-key", "--stdin"], sandbox.secret("another"), false),
        (vec!["login", "api-key", "--stdin"], format!("{} {}", sandbox.secret("two"), sandbox.secret("words")), false),
        (vec!["cache", "list"], none(), false),
        (vec!["logout", "api-key"], none(), false),
        (vec!["logout", "acme"], none(), false),
        (vec!["demo"], none(), false),
        (vec!["cache", "clear"], none(), false),
        (vec!["--help"], none(), false),
        (vec!["--version"], none(), false),
        (vec!["no-such-word"], none(), false),
    ];
    for format in ["key", "header", "curl", "env", "json", "headers-json", "github"] {
        for profile in ["default", "usual", "command"] {
            found.push((vec!["print", "--profile", profile, "--format", format], none(), true));
        }
    }
    found
}
