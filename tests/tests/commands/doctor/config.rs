use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use claude_credential_tests::Sandbox;
use claude_credential_tests::script::Script;
use rustix::process::Signal;

use super::{Report, doctor, healthy, replace_executable};

#[test]
fn a_configuration_that_can_t_be_read_is_wrong_and_everything_else_is_looked_at() {
    let sandbox = healthy();
    let file = sandbox.config("\nkey_stare = 1\n");
    let report = doctor(&sandbox);
    report.is_wrong("config", &format!("{}:2: ", file.display()), "mend that line");
    report.is_good(&["versions", "settings", "api-key-helper", "cache"]);
    for file_mode in [0o666, 0o602] {
        sandbox.config("ttl = \"5m\"\n");
        fs::set_permissions(&file, Permissions::from_mode(file_mode)).expect("its mode");
        doctor(&sandbox).is_wrong("config", "can be changed by others", &format!("run: chmod go-w {}", file.display()));
    }
    let missing = sandbox.dispatcher(&["doctor", "--json", "--config", "/no/such/file.toml"]);
    Report::of(missing).is_wrong("config", "/no/such/file.toml is not there", "/no/such/file.toml");
}

#[test]
fn an_entry_whose_program_is_missing_is_wrong_where_a_chain_has_it() {
    let sandbox = healthy();
    let entries = |chain: &str, entry: &str| {
        sandbox.config(&format!("[profile.default]\nchain = [{chain}]\n[entry.acme]\n{entry}\n"));
        doctor(&sandbox)
    };
    let used = "\"acme\"";
    let report = entries(used, "helper = \"nobody\"");
    report.is_wrong("entries", "claude-credential-nobody is not installed", "put it beside claude-credential");
    entries(used, "command = [\"no-such-tool\"]").is_wrong("entries", "no-such-tool is not on PATH", "absolute path");
    entries(used, "command = [\"/no/such/tool\"]").is_wrong("entries", "/no/such/tool is not there", "install it");
    let tool = sandbox.write("tool", "#!/bin/sh\n");
    let command = format!("command = [{:?}]", tool.display().to_string());
    let mend = format!("run: chmod +x {}", tool.display());
    entries(used, &command).is_wrong("entries", "can't be run", &mend);
    let report = entries("\"api-key\"", "helper = \"nobody\"");
    report.is_doubtful("entries", "claude-credential-nobody is not installed", "put it beside");
    entries("\"api-key\"", "shell = \"true\"").is_doubtful("entries", "entry acme is in no chain", "\"acme\"");
    replace_executable(&sandbox, "claude-credential-nobody", "exit 0");
    entries(used, "helper = \"nobody\"").is_good(&["entries"]);
}

#[test]
fn profiles_that_can_t_serve_are_seen() {
    let sandbox = healthy();
    let profiles = |text: &str| {
        sandbox.config(text);
        doctor(&sandbox)
    };
    let both = "[profile.a]\nhosts = [\"gateway.example\"]\n[profile.b]\nhosts = [\"gateway.example\"]\n";
    profiles(both).is_doubtful("profiles", "a and b both list gateway.example", "directories");
    let report = profiles("[profile.a]\nhosts = [\"http://gateway.example\"]\n");
    report.is_doubtful("profiles", "unencrypted", "https");
    profiles("[profile.a]\nhosts = [\"http://127.0.0.1:8080\"]\n").is_good(&["profiles"]);
    profiles("[profile.a]\ndirectories = [\"~/nowhere\"]\n").is_doubtful("profiles", "nowhere", "make it");
    profiles("[profile.a]\nchain = []\n").is_wrong("profiles", "profile a has an empty chain", "[profile.a]");
    sandbox.config("");
    let other = Report::of(sandbox.dispatcher(&["doctor", "--json", "--profile", "other"]));
    other.is_wrong("profiles", "there is no profile of that name", "there are: default");
}

#[test]
fn a_command_that_writes_to_stderr_or_prints_no_key_is_wrong() {
    let sandbox = healthy();
    // Not in the line itself, which stands on the shell's command line.
    let key = sandbox.write("key", sandbox.secret("key"));
    let says = |script: &str, lines: &str| with_command(&sandbox, &format!("cat {}; {script}", key.display()), lines);
    says("exit 0", "").is_good(&["commands"]);
    let report = says("echo a warning >&2", "");
    report.is_wrong("commands", "entry acme wrote to stderr and exited 0", "add to it: 2>/dev/null");
    // Without a shell nobody would know what that means.
    let tool = sandbox.script("tool", &format!("cat {}; echo a warning >&2", key.display()));
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"acme\"]\n[entry.acme]\ncommand = [{:?}]\n",
        tool.display().to_string()
    ));
    doctor(&sandbox).is_wrong("commands", "wrote to stderr and exited 0", "shell = \"… 2>/dev/null\"");
    says("exit 3", "").is_wrong("commands", "exited 3", "mend [entry.acme]");
    says("exit 3", "none_exit = [3]").is_good(&["commands"]);
    says("exit 3", "on_error = \"next\"").is_doubtful("commands", "exited 3", "mend [entry.acme]");
    says("echo ' two'", "").is_wrong("commands", "printed what is no key", "mend [entry.acme]");
    says("kill -9 $$", "").is_wrong("commands", "was ended by signal 9", "mend [entry.acme]");
}

#[test]
fn a_chain_that_has_no_key_for_claude_code_is_wrong() {
    let sandbox = healthy();
    let report = doctor(&sandbox);
    report.is_good(&["answer"]);
    assert!(report.output.stdout.contains("has a key for Claude Code"), "{report:#?}");
    let says = |script: &str, code: i32| {
        sandbox.config("[profile.default]\nchain = [\"acme\"]\n[entry.acme]\nhelper = \"acme\"\n");
        replace_executable(&sandbox, "claude-credential-acme", script);
        sandbox.dispatcher(&["api-key-helper"]).run().fails(code);
        doctor(&sandbox)
    };
    says("exit 0", 1).is_wrong("answer", "no credential for https://api.anthropic.com", "login api-key");
    let over =
        "printf 'capability[]=claude.v1\\nquit=1\\n\\n'; echo 'signed out since noon; run: acme login' >&2; exit 77";
    says(over, 77).is_wrong("answer", "signed out since noon", "run: acme login");
    sandbox.config(
        "[profile.default]\nchain = [\"acme\"]\n[provider.acme]\nissuer = \"https://login.acme.example\"\nclient_id = \"x\"\n",
    );
    sandbox.dispatcher(&["api-key-helper"]).run().fails(77);
    doctor(&sandbox).is_wrong("answer", "not signed in to acme", "run: claude-credential login acme");
}

#[test]
fn who_interrupts_it_is_heard() {
    let sandbox = healthy();
    let gate = sandbox.root().join("gate");
    let fake = sandbox.fake("acme", &Script::secrets([sandbox.secret("key")]).behind(&gate));
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n{}", fake.command_entry("")));
    let running = sandbox.dispatcher(&["doctor"]).start();
    fake.wait_for_runs(1);
    // What was found is there already.
    assert!(running.stdout().contains("✓ config "), "{}", running.stdout());
    running.signal(Signal::INT);
    assert_eq!(running.finish().exits(130).error_line(), "claude-credential: interrupted");
    assert!(!fake.still_runs());
}

#[test]
fn a_host_that_the_profile_does_not_list_is_wrong() {
    let mut sandbox = healthy();
    sandbox.set("ANTHROPIC_BASE_URL", "https://gateway.example/v1");
    let mend = "hosts = [\"api.anthropic.com\", \"gateway.example\"]";
    doctor(&sandbox).is_wrong("base-url", "which profile default does not list", mend);
    sandbox.config("[profile.default]\nhosts = [\"gateway.example\"]\n");
    doctor(&sandbox).is_good(&["base-url"]);
    sandbox.unset("ANTHROPIC_BASE_URL");
    doctor(&sandbox).is_wrong("base-url", "without ANTHROPIC_BASE_URL Claude Code goes to", "\"api.anthropic.com\"");
    let helper = format!("{} api-key-helper", sandbox.bin("claude-credential").display());
    let env = serde_json::json!({ "ANTHROPIC_BASE_URL": "https://gateway.example" });
    sandbox.settings(&serde_json::json!({ "apiKeyHelper": helper, "env": env }));
    doctor(&sandbox).is_good(&["base-url"]);
}

fn with_command(sandbox: &Sandbox, script: &str, lines: &str) -> Report {
    let entry = format!("[entry.acme]\nshell = {script:?}\n{lines}\n");
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n{entry}"));
    doctor(sandbox)
}
