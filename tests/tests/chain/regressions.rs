//! What was wrong once, each as somebody met it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Answer, Call, Client, Fake, Sandbox, request, tool};
use serde_json::json;

const HOST: &str = "api.anthropic.com";

#[test]
fn two_homes_with_one_runtime_folder_have_each_its_own_key() {
    let sandbox = Sandbox::new();
    sandbox.config(&alone("cat", "shell = \"cat $HOME/key\"\nvary = []"));
    let homes = ["one", "two"].map(|name| {
        sandbox.write(format!("{name}/key"), sandbox.secret(name));
        (name, sandbox.home().join(name))
    });
    for (name, home) in homes.iter().chain(&homes) {
        assert_eq!(sandbox.print().with("HOME", home).run().key(), *name);
    }
}

#[test]
fn a_command_found_through_two_paths_is_two_commands() {
    let sandbox = Sandbox::new();
    sandbox.config(&alone("tool", "command = [\"mytool\"]\nvary = []"));
    let paths = ["one", "two"].map(|name| {
        let tool = sandbox.script(&format!("{name}/mytool"), &format!("echo {}", sandbox.secret(name)));
        (name, format!("{}:/usr/bin:/bin", tool.parent().expect("its folder").display()))
    });
    for (name, path) in paths.iter().chain(&paths) {
        assert_eq!(sandbox.print().with("PATH", path).run().key(), *name);
    }
}

#[test]
fn on_error_taken_out_of_the_config_takes_effect_at_once() {
    let sandbox = Sandbox::new();
    let failing = sandbox.fake("failing", &Script::failure(77, "sign in"));
    let next = sandbox.fake("next", &Script::secrets(sandbox.keys(1)));
    let chain = "[profile.default]\nchain = [\"failing\", \"next\"]\n\n";
    sandbox.config(&format!("{chain}{}{}", failing.entry_with("on_error = \"next\""), next.entry()));
    assert_eq!(sandbox.print().run().printed_key(), "key-1");
    sandbox.chain(&[&failing, &next]);
    assert!(sandbox.dispatcher(&["print"]).run().fails(77).contains("sign in"));
}

#[test]
fn a_fifo_in_place_of_a_projects_settings_is_refused_by_name_and_hangs_nobody() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    let clone = sandbox.folder("clone");
    shell(&sandbox, "mkdir clone/.claude && mkfifo clone/.claude/settings.json").run().succeeds();
    let output = Client::usual(&sandbox).in_folder(&clone).call();
    let file = clone.join(".claude/settings.json").display().to_string();
    assert!(output.fails(78).contains(&file), "{output:#?}");
}

#[test]
fn a_setting_that_merely_mentions_our_name_is_run_and_wins() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    sandbox.script("pass", &format!("[ \"$1\" = show ] && echo {}", sandbox.secret("pass")));
    sandbox.write("claude-credential/key", sandbox.secret("pass"));
    for setting in ["pass show claude-credential", "cat claude-credential/key", "cat ~/claude-credential/key"] {
        sandbox.settings(&json!({ "apiKeyHelper": setting }));
        assert_eq!(sandbox.print().run().key(), "pass", "{setting}");
        assert_eq!(Client::usual(&sandbox).key(), "pass", "{setting}");
    }
}

#[test]
fn a_setting_that_runs_us_where_a_command_stands_is_skipped() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    let us = sandbox.bin("claude-credential").display().to_string();
    for setting in [
        format!("{us} api-key-helper"),
        "sh -c 'claude-credential print'".to_owned(),
        format!("LANG=C timeout 20 \"{us}\" api-key-helper | cat"),
        "true && nice -n 5 claude-credential-apikey --source env print".to_owned(),
        "key=$(claude-credential print); echo $key".to_owned(),
    ] {
        sandbox.settings(&json!({ "apiKeyHelper": setting }));
        assert_eq!(sandbox.print().run().key(), "api-key", "{setting}");
        assert_eq!(Client::usual(&sandbox).key(), "api-key", "{setting}");
        let without = sandbox.dispatcher(&["print"]).without("ANTHROPIC_API_KEY").run();
        assert!(without.fails(1).contains("is this program"), "{setting}: {without:#?}");
    }
}

#[test]
fn a_variable_that_yields_nothing_does_not_switch_off_the_cache() {
    for (entry, variable, value) in
        [("oauth-fd", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", "9"), ("auth-token", "ANTHROPIC_AUTH_TOKEN", " ")]
    {
        let (mut sandbox, fake) = fixture("");
        sandbox.set(variable, value);
        sandbox.config(&format!("[profile.default]\nchain = [{entry:?}, \"acme\"]\n\n{}", fake.entry()));
        for _ in 0..4 {
            assert_eq!(shell(&sandbox, "exec 9<&-; exec claude-credential print").run().key(), "key-1", "{entry}");
        }
        assert_eq!(fake.runs(), 1, "{entry}");
    }
}

#[test]
fn a_key_from_a_pipe_that_git_approves_is_not_kept() {
    let sandbox = Sandbox::new();
    sandbox.config("key_store = \"file\"\n");
    let git = tool("git").expect("git is installed").display().to_string();
    let option = format!("credential.helper={}", sandbox.bin("claude-credential").display());
    sandbox.write("token", sandbox.secret("piped"));
    sandbox.write("request", request(HOST, &[]));
    let fill = format!("cat token | {{ exec 5<&0 <request; exec {git} -c {option} credential fill; }}");
    let fill = shell(&sandbox, &fill).with("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", "5");
    let fill = fill.with("GIT_CONFIG_NOSYSTEM", "1").with("GIT_CONFIG_GLOBAL", "/dev/null");
    let filled = fill.with("GIT_TERMINAL_PROMPT", "0").run().succeeds().stdout.clone();
    assert_eq!(Answer::parse(&filled).get("password"), Some(sandbox.secret("piped").as_str()));
    sandbox.git(&["-c", &option, "credential", "approve"]).says(filled).run().succeeds();
    let list = sandbox.dispatcher(&["cache", "list"]).run();
    assert!(list.succeeds().stdout.contains("kept keys: none"), "{list:#?}");
    sandbox.dispatcher(&["print"]).run().exits(1);
    assert_eq!(sandbox.files_with_secrets(), Vec::<PathBuf>::new());
}

#[test]
fn a_profile_that_does_not_exist_stops_git_for_our_hosts_alone() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CLAUDE_CREDENTIAL_PROFILE", "typo");
    let get = |host: &str| wire(&sandbox, "get", host, &[]).run();
    assert!(!get("github.com").stdout.contains("quit"), "{:#?}", get("github.com"));
    assert_eq!(Answer::parse(&get(HOST).exits(78).stdout).get("quit"), Some("1"));
}

#[test]
fn at_a_profiles_ttl_of_0_runs_for_a_refused_key_are_held_back() {
    let (sandbox, fake) = fixture("ttl = \"0s\"");
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    for _ in 0..5 {
        assert_eq!(client.refused(), "key-1");
    }
    // One for each of the six calls, and one for the refusal.
    assert!(fake.runs() <= 7, "{} runs", fake.runs());
    assert_eq!(fake.heard().iter().filter(|heard| heard.rejected().is_some()).count(), 1);
}

#[test]
fn after_an_erase_a_crowd_makes_one_run() {
    let (sandbox, fake) = fixture("");
    assert_eq!(sandbox.print().run().key(), "key-1");
    fake.does(&Script::secrets(sandbox.keys(1)).slow(300));
    erase(&sandbox, "key-1").run().succeeds();
    let crowd: Vec<_> = (0..20).map(|_| sandbox.print().start()).collect();
    assert!(crowd.into_iter().all(|caller| caller.finish().key() == "key-1"));
    assert_eq!(fake.runs(), 2);
}

#[test]
fn without_stdin_or_stdout_or_a_reader_print_ends_well() {
    let (sandbox, _fake) = fixture("");
    assert_eq!(shell(&sandbox, "claude-credential print <&-").run().key(), "key-1");
    assert_eq!(shell(&sandbox, "claude-credential print >&-").run().succeeds().stdout, "");
    // The reader is gone before anything is printed.
    let closed =
        "mkfifo gate; { read -r _ <gate; claude-credential print; echo $? >code; } | { exec <&-; echo >gate; }";
    shell(&sandbox, closed).run().succeeds();
    assert_eq!(fs::read_to_string(sandbox.home().join("code")).expect("an exit code"), "0\n");
}

#[test]
fn a_scheme_of_somebody_else_s_host_is_met_with_silence() {
    let (sandbox, fake) = fixture("");
    for operation in ["store", "erase"] {
        let lines = ["capability[]=authtype", "authtype=Negotiate", "credential=made-up"];
        let output = wire(&sandbox, operation, "intranet.example", &lines).run();
        assert_eq!(output.succeeds().stdout, "", "{operation}");
    }
    assert!(fake.heard().is_empty(), "{:?}", fake.heard());
}

#[test]
fn what_a_command_prints_belongs_to_no_account() {
    let (sandbox, fake) = fixture("");
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n\n{}", fake.command_entry("")));
    sandbox.dispatcher(&["print", "--account", "alice"]).run().fails(1);
    assert_eq!(sandbox.print().run().key(), "key-1");
}

#[test]
fn an_answer_that_has_expired_or_ends_within_a_line_stops_the_chain() {
    let expired = |secret: String| Script::new(Does::answers_until(secret, -5));
    let cut = |secret: String| Script::new(Does::Prints(format!("username=x-api-key\npassword={secret}"))).plain();
    for script in [expired, cut] {
        let sandbox = Sandbox::new();
        let broken = sandbox.fake("broken", &script(sandbox.secret("broken")));
        let next = sandbox.fake("next", &Script::secrets(sandbox.keys(1)));
        sandbox.chain(&[&broken, &next]);
        let output = sandbox.dispatcher(&["print"]).run();
        assert!(output.fails(65).contains("broken"), "{output:#?}");
        assert_eq!((broken.runs(), next.runs()), (1, 0));
    }
}

#[test]
fn an_option_that_a_helper_of_ours_does_not_know_is_named_with_file_and_line() {
    let sandbox = Sandbox::new();
    for helper in ["apikey".to_owned(), sandbox.bin("claude-credential-apikey").display().to_string()] {
        let text = alone("mine", &format!("helper = {helper:?}\nargs = [\"--sorce\", \"env\"]"));
        let line = 1 + text.lines().position(|line| line == "[entry.mine]").expect("the entry");
        let place = format!("{}:{line}", sandbox.config(&text).display());
        let output = sandbox.dispatcher(&["print"]).run();
        assert!(output.fails(78).contains(&place), "{place}: {output:#?}");
    }
}

#[test]
fn a_key_for_a_profile_is_kept_for_its_first_host() {
    let sandbox = Sandbox::new();
    sandbox.config("key_store = \"file\"\n[profile.work]\nhosts = [\"gateway.acme.example\", \"api.anthropic.com\"]\n");
    let work = |args: &[&str]| sandbox.dispatcher(&["--profile", "work"]).args(args);
    let nothing = work(&["print"]).run();
    assert!(nothing.fails(1).contains("--profile work"), "{nothing:#?}");
    work(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run().exits(0);
    let list = sandbox.dispatcher(&["cache", "list"]).run();
    assert!(list.succeeds().stdout.contains("kept key: https://gateway.acme.example"), "{list:#?}");
    assert_eq!(work(&["print"]).shows_secret().run().key(), "kept");
    sandbox.dispatcher(&["print"]).run().fails(1);
}

#[test]
fn what_was_cached_from_a_helper_ends_with_a_logout() {
    let (sandbox, fake) = fixture("");
    fake.does(&Script::secrets(sandbox.keys(2)));
    assert_eq!(sandbox.print().run().key(), "key-1");
    sandbox.dispatcher(&["logout", "acme"]).run().exits(0);
    assert!(fake.last("logout").is_some());
    assert_eq!(sandbox.print().run().key(), "key-2");
}

#[test]
fn a_ttl_that_is_rubbish_does_not_stop_an_erase() {
    let (sandbox, fake) = fixture("");
    fake.does(&Script::secrets(sandbox.keys(2)));
    assert_eq!(sandbox.print().run().key(), "key-1");
    erase(&sandbox, "key-1").with("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "rubbish").run().succeeds();
    assert_eq!(sandbox.print().run().key(), "key-2");
}

#[test]
fn a_state_that_counted_to_the_end_is_no_panic() {
    let (sandbox, fake) = fixture("");
    fake.does(&Script::secrets(sandbox.keys(3)));
    assert_eq!(sandbox.print().run().key(), "key-1");
    let is_state = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "state");
    let state = sandbox.runtime_files().into_iter().find(is_state).expect("a state");
    let text = fs::read_to_string(&state).expect("its text");
    assert!(text.contains("\"run\":1,"), "{text}");
    fs::write(&state, text.replace("\"run\":1,", &format!("\"run\":{},", u64::MAX))).expect("another state");
    assert_eq!(fs::metadata(&state).expect("its mode").permissions().mode() & 0o77, 0);
    for key in ["key-2", "key-3"] {
        sandbox.dispatcher(&["cache", "clear"]).run().succeeds();
        assert_eq!(sandbox.print().run().key(), key);
    }
}

/// A helper that always gives the same key, alone in a profile with further lines.
fn fixture(profile: &str) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(1)));
    sandbox.config(&format!("[profile.default]\n{profile}\nchain = [\"acme\"]\n\n{}", fake.entry()));
    (sandbox, fake)
}

/// A configuration of one entry.
fn alone(name: &str, entry: &str) -> String {
    format!("[profile.default]\nchain = [{name:?}]\n\n[entry.{name}]\n{entry}\n")
}

fn shell<'a>(sandbox: &'a Sandbox, script: &str) -> Call<'a> {
    sandbox.call("/bin/sh", &["-c", script]).shows_secret()
}

fn wire<'a>(sandbox: &'a Sandbox, operation: &str, host: &str, lines: &[&str]) -> Call<'a> {
    sandbox.dispatcher(&[operation]).says(request(host, lines))
}

fn erase<'a>(sandbox: &'a Sandbox, name: &str) -> Call<'a> {
    wire(sandbox, "erase", HOST, &["username=x-api-key", &format!("password={}", sandbox.secret(name))])
}
