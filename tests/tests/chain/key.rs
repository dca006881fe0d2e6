//! Whose answer it is: what counts for the key under which an answer is kept, and what becomes of an answer whose key
//! changes while it is obtained.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use claude_credential_tests::process::waiting_for_locks;
use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Call, Client, Fake, Running, Sandbox, wait_until};
use serde_json::json;

/// What Claude Code 2.1.332 adds to the environment of its shell tool, beside what the harness adds.
const OF_SHELL_TOOL: [(&str, &str); 11] = [
    ("CLAUDE_CODE_CHILD_NOTES_DIR", "/tmp/claude/started"),
    ("CLAUDE_CODE_CHILD_SESSION", "1"),
    ("CLAUDE_CODE_EXECPATH", "/opt/claude"),
    ("CLAUDE_CODE_SESSION_ATTENDED", "0"),
    ("CLAUDE_CODE_SESSION_ID", "be3f9e7c-762c-4144-969d-c8562c574376"),
    ("CLAUDE_EFFORT", "medium"),
    ("CLAUDE_PID", "15091"),
    ("COREPACK_ENABLE_AUTO_PIN", "0"),
    ("GIT_EDITOR", "true"),
    ("NoDefaultCurrentDirectoryInExePath", "1"),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
];

/// What a later version may add.
const OF_NEXT_VERSION: [(&str, &str); 3] =
    [("CLAUDE_CODE_NEXT", "7"), ("OTEL_NEXT", "7"), ("GIT_SEQUENCE_EDITOR", "true")];

#[test]
fn a_client_its_shell_tool_a_nested_client_and_a_terminal_share_one_answer() {
    let (sandbox, fake) = command(9);
    assert_eq!(sandbox.print().run().key(), "key-1");
    let with = |client: Client<'_>, more: &[(&str, &str)]| {
        more.iter().fold(client, |client, (name, value)| client.with(name, value)).key()
    };
    let client = || Client::usual(&sandbox);
    assert_eq!(client().key(), "key-1", "its first run");
    assert_eq!(with(client(), &OF_SHELL_TOOL[7..]), "key-1", "its second run");
    assert_eq!(with(client(), &OF_SHELL_TOOL), "key-1", "a nested client");
    let mut call = client().shell_tool("claude-credential print").shows_secret();
    for (name, value) in OF_SHELL_TOOL.iter().chain(&OF_NEXT_VERSION) {
        call = call.with(name, value);
    }
    assert_eq!(call.run().key(), "key-1", "its shell tool");
    assert_eq!(with(client(), &[&OF_SHELL_TOOL[..], &OF_NEXT_VERSION].concat()), "key-1", "the next version");
    assert_eq!(sandbox.print().arg("--rejected").run().key(), "key-2");
    assert_eq!(with(client(), &OF_SHELL_TOOL[7..]), "key-2", "what a terminal says reaches the client");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn a_variable_with_which_the_user_started_the_client_counts() {
    let (sandbox, _fake) = command(2);
    let client = |account: &str| {
        let script = "AI_AGENT=claude-code_x_harness CLAUDE_NEXT=7 claude-credential print; exit $?";
        sandbox.call("/bin/sh", &["-c", script]).with("CLAUDE_ACCOUNT", account).shows_secret().run().key()
    };
    assert_eq!((client("work"), client("home")), ("key-1".to_owned(), "key-2".to_owned()));
    assert_eq!((client("work"), client("home")), ("key-1".to_owned(), "key-2".to_owned()));
}

#[test]
fn in_a_terminal_a_variable_with_the_client_s_prefix_is_the_user_s_and_counts() {
    let (mut sandbox, _fake) = command(3);
    sandbox.set("CLAUDE_CREDENTIAL_TEST_SETTLED", "0");
    let print = |login: &str| sandbox.print().with("CLAUDE_CODE_LOGIN", login).run().key();
    // The third of the same is answered by the fast path.
    for _ in 0..4 {
        assert_eq!((print("work"), print("home")), ("key-1".to_owned(), "key-2".to_owned()));
    }
    assert_eq!(sandbox.print().with("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "1").run().key(), "key-3");
    assert_eq!(sandbox.print().run().key(), "key-3", "it says nothing of an account");
}

#[test]
fn a_variable_of_the_settings_counts() {
    let (sandbox, _fake) = command(3);
    let folder = sandbox.folder("project");
    let client = |account: &str| {
        let settings = json!({ "env": { "CLAUDE_ACCOUNT": account } }).to_string();
        sandbox.write("project/.claude/settings.json", settings);
        Client::usual(&sandbox).in_folder(&folder).with("CLAUDE_ACCOUNT", account).key()
    };
    assert_eq!((client("work"), client("home")), ("key-1".to_owned(), "key-2".to_owned()));
    assert_eq!((client("work"), client("home")), ("key-1".to_owned(), "key-2".to_owned()));
}

#[test]
fn a_variable_by_which_the_client_chooses_a_credential_counts() {
    for name in [
        "CLAUDE_CONFIG_DIR",
        "CLAUDE_CODE_USE_FOUNDRY",
        "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
        "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
        "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
        "CLAUDE_CODE_CLIENT_CERT",
        "ANTHROPIC_BASE_URL",
        "VAULT_ADDR",
    ] {
        let (sandbox, _fake) = command(2);
        assert_eq!(sandbox.print().run().key(), "key-1");
        let call = sandbox.print().with("AI_AGENT", "claude-code_x_agent").with(name, "/nowhere");
        assert_eq!(call.run().key(), "key-2", "{name}");
    }
}

#[test]
fn the_variable_for_a_profile_is_handed_down_where_it_chose_the_profile_and_nowhere_else() {
    let sandbox = Sandbox::new();
    let fakes = ["helper", "command"].map(|name| sandbox.fake(name, &Script::secrets(sandbox.keys(9))));
    let profiles: String = [("default", "helper"), ("other", "command")]
        .map(|(profile, entry)| format!("[profile.{profile}]\nchain = [{entry:?}]\n"))
        .concat();
    sandbox.config(&format!("{profiles}{}{}", fakes[0].entry(), fakes[1].command_entry("")));
    let [helper, command] = &fakes;
    let has = |fake: &Fake| {
        let heard = fake.heard().pop().expect("a call");
        heard.variables.iter().any(|name| name == "CLAUDE_CREDENTIAL_PROFILE")
    };
    let print = |profile: &str| sandbox.print().with("CLAUDE_CREDENTIAL_PROFILE", profile);
    print("other").run().succeeds();
    assert!(has(command), "it chose the profile");
    for (profile, fake) in [("default", helper), ("other", command)] {
        let variable = if profile == "other" { "default" } else { "other" };
        let before = fake.runs();
        print(variable).args(["--no-cache", "--profile", profile]).run().succeeds();
        assert!(fake.runs() > before && !has(fake), "the option chose {profile}");
    }
    let before = helper.runs();
    Client::usual(&sandbox).with("CLAUDE_CREDENTIAL_PROFILE", "other").call().succeeds();
    assert!(helper.runs() > before && !has(helper), "it chooses no profile for Claude Code");
}

#[test]
fn the_variable_for_a_profile_is_part_of_the_key_where_it_chose_the_profile() {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(9)));
    let folder = sandbox.folder("work");
    let profile = format!("[profile.other]\nchain = [\"acme\"]\ndirectories = [{folder:?}]\n");
    sandbox.config(&format!("{profile}{}", fake.command_entry("vary = []")));
    let print = || sandbox.print().in_folder(&folder);
    assert_eq!(print().run().key(), "key-1");
    assert_eq!(print().with("CLAUDE_CREDENTIAL_PROFILE", "other").run().key(), "key-2");
    let named = print().with("CLAUDE_CREDENTIAL_PROFILE", "default").args(["--profile", "other"]);
    assert_eq!(named.run().key(), "key-1", "it did not count");
}

#[test]
fn a_file_with_other_content_of_the_same_size_and_time_is_another_answer() {
    let mut sandbox = Sandbox::new();
    let fake = sandbox.fake("bedrock", &Script::secrets(sandbox.keys(2)));
    let (executable, [option, script]) = fake.helper();
    sandbox.script("claude-credential-bedrock", &format!("exec {} {option} {script} \"$@\"", executable.display()));
    sandbox.set("CLAUDE_CODE_USE_BEDROCK", "1");
    let file = sandbox.write(".aws/credentials", "one");
    let before = fs::metadata(&file).and_then(|found| found.modified()).expect("its time");
    assert_eq!(sandbox.print().run().key(), "key-1");
    // The kernel takes times from its last tick.
    std::thread::sleep(Duration::from_millis(20));
    fs::write(&file, "two").expect("an edit in place");
    fs::File::options().write(true).open(&file).and_then(|file| file.set_modified(before)).expect("its old time");
    assert_eq!(sandbox.print().run().key(), "key-2");
}

#[test]
fn a_setting_that_changes_during_a_run_puts_no_key_under_another() {
    let race = Race::new();
    race.open("second");
    race.set("a");
    let running = race.start();
    race.first.wait_for_runs(1);
    race.set("b");
    race.open("first");
    assert_eq!(running.finish().key(), "b", "it is handed out");
    race.set("a");
    assert_eq!(race.print().key(), "a");
}

#[test]
fn a_setting_that_changes_while_a_call_waits_puts_no_key_under_another() {
    let race = Race::new();
    race.open("second");
    race.set("a");
    let running = race.start();
    race.first.wait_for_runs(1);
    let others: Vec<Running<'_>> = (0..3).map(|_| race.start()).collect();
    let pids: Vec<u32> = others.iter().map(Running::pid).collect();
    wait_until(|| waiting_for_locks(&pids) == pids.len());
    race.set("b");
    race.open("first");
    for running in [running].into_iter().chain(others) {
        assert_eq!(running.finish().key(), "b");
    }
    race.set("a");
    assert_eq!(race.print().key(), "a");
}

#[test]
fn calls_that_wait_while_the_configuration_changes_share_one_further_run() {
    let (sandbox, fake, gate) = gated(12);
    let running = sandbox.print().start();
    fake.wait_for_runs(1);
    let others: Vec<Running<'_>> = (0..8).map(|_| sandbox.print().start()).collect();
    let pids: Vec<u32> = others.iter().map(Running::pid).collect();
    wait_until(|| waiting_for_locks(&pids) == pids.len());
    let text = fs::read_to_string(sandbox.config_file()).expect("the configuration");
    sandbox.config(&format!("{text}# edited\n"));
    fs::write(gate, "").expect("a gate");
    assert_eq!(running.finish().key(), "key-1");
    for other in others {
        assert_eq!(other.finish().key(), "key-2");
    }
    assert_eq!(fake.runs(), 2);
    assert_eq!(sandbox.print().run().key(), "key-3", "another configuration, another key");
}

#[test]
fn calls_that_wait_all_get_an_answer_if_every_run_changes_the_configuration() {
    let (sandbox, fake, gate) = gated(12);
    // The source itself appends to the configuration.
    let source = sandbox.script("source", &format!("{} && echo '#' >>{:?}", fake.command(), sandbox.config_file()));
    sandbox.config(&format!("[profile.default]\nchain = [\"own\"]\n[entry.own]\ncommand = [{source:?}]\n"));
    let running = sandbox.print().start();
    fake.wait_for_runs(1);
    let others: Vec<Running<'_>> = (0..5).map(|_| sandbox.print().start()).collect();
    let pids: Vec<u32> = others.iter().map(Running::pid).collect();
    wait_until(|| waiting_for_locks(&pids) == pids.len());
    fs::write(gate, "").expect("a gate");
    let keys: BTreeSet<String> = others.into_iter().chain([running]).map(|call| call.finish().key()).collect();
    assert_eq!((keys.len(), fake.runs()), (6, 6), "each asked for itself");
}

#[test]
fn a_setting_that_changes_during_a_run_and_back_puts_no_key_under_another() {
    let race = Race::new();
    race.set("a");
    let running = race.start();
    race.first.wait_for_runs(1);
    race.set("b");
    race.open("first");
    race.second.wait_for_runs(1);
    race.set("a");
    race.open("second");
    assert_eq!(running.finish().key(), "b", "it is handed out");
    assert_eq!(race.print().key(), "a");
}

#[test]
fn a_configuration_that_changes_during_a_run_puts_no_key_under_another() {
    let race = Race::new();
    race.set("a");
    let (before, running) = (fs::read(race.sandbox.config_file()).expect("the configuration"), race.start());
    race.first.wait_for_runs(1);
    race.sandbox.config("[profile.default]\nchain = []\n");
    race.set("b");
    race.open("first");
    race.second.wait_for_runs(1);
    race.sandbox.config(std::str::from_utf8(&before).expect("it is text"));
    race.set("a");
    race.open("second");
    assert_eq!(running.finish().key(), "b", "it is handed out");
    assert_eq!(race.print().key(), "a");
}

/// A chain whose first entry has nothing and takes its time, and whose second one runs the command of a setting.
struct Race {
    sandbox: Sandbox,
    first: Fake,
    /// What the setting `b` runs.
    second: Fake,
}

impl Race {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let gate = |name: &str| sandbox.root().join(name);
        let first = sandbox.fake("first", &Script::none().behind(&gate("first")));
        let second = sandbox.fake("second", &Script::secrets([sandbox.secret("b")]).behind(&gate("second")));
        sandbox.config(&format!("[profile.default]\nchain = [\"first\", \"api-key-helper\"]\n{}", first.entry()));
        Self { sandbox, first, second }
    }

    /// Sets the command that prints the key `a` or `b`.
    fn set(&self, key: &str) {
        let command = match key {
            "b" => self.second.command(),
            _ => self.sandbox.script("print-a", &format!("echo {}", self.sandbox.secret("a"))).display().to_string(),
        };
        // As an editor saves it, and never the same file twice.
        let settings = self.sandbox.write(".claude/new", json!({ "apiKeyHelper": command }).to_string());
        fs::rename(settings, self.sandbox.home().join(".claude/settings.json")).expect("the settings");
    }

    fn call(&self) -> Call<'_> {
        self.sandbox.print()
    }

    fn start(&self) -> Running<'_> {
        self.call().start()
    }

    /// Prints with all gates open.
    fn print(&self) -> claude_credential_tests::Output {
        self.open("first");
        self.open("second");
        self.call().run()
    }

    fn open(&self, gate: &str) {
        fs::write(self.sandbox.root().join(gate), "").expect("a gate");
    }
}

#[test]
fn an_answer_that_is_erased_during_the_run_that_gives_it_again_is_not_kept() {
    let sandbox = Sandbox::new();
    let gate = sandbox.root().join("gate");
    let mut script = Script::secrets(["key-1", "key-1", "key-2"].map(|key| sandbox.secret(key)));
    script.steps[1].gate = Some(gate.clone());
    let fake = sandbox.fake("acme", &script);
    sandbox.chain(&[&fake]);
    let wire = |operation: &str, lines: &[&str]| {
        sandbox.dispatcher(&[operation]).says(claude_credential_tests::request("api.anthropic.com", lines))
    };
    assert_eq!(sandbox.print().run().key(), "key-1");
    let running = wire("get", &["claude.check=live"]).shows_secret().start();
    fake.wait_for_runs(2);
    let password = format!("password={}", sandbox.secret("key-1"));
    wire("erase", &["username=x-api-key", &password]).run().succeeds();
    fs::write(gate, "").expect("a gate");
    running.finish().succeeds();
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.last("get").expect("a get").rejected(), Some("key-1"));
}

#[test]
fn an_erased_answer_does_not_stand_in_for_a_source_that_is_out_of_reach() {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::new(Does::answers_until(sandbox.secret("key-1"), 100)));
    sandbox.chain(&[&fake]);
    assert_eq!(sandbox.print().run().key(), "key-1");
    // It is due, and the process that removed it was killed before it was done.
    let [file] = sandbox.files_with_secrets().try_into().expect("one answer");
    let text = fs::read_to_string(&file).expect("the answer");
    let (before, obtained) = text.split_once("cache.obtained=").expect("when it was obtained");
    let earlier = obtained.trim().parse::<u64>().expect("a number") - 250_000;
    fs::write(&file, format!("{before}cache.obtained={earlier}\n\n")).expect("an older answer");
    fake.does(&Script::failure(75, "no network"));
    assert_eq!(sandbox.print().run().key(), "key-1", "it is merely due");
    fs::copy(&file, file.with_extension("refused")).expect("a copy");
    assert!(sandbox.print().run().fails(75).contains("no network"));
}

/// A helper that gives a new key at every run, so many times, the first one when a gate is there.
fn gated(keys: usize) -> (Sandbox, Fake, PathBuf) {
    let sandbox = Sandbox::new();
    let gate = sandbox.root().join("gate");
    let mut script = Script::secrets(sandbox.keys(keys));
    script.steps[0].gate = Some(gate.clone());
    let fake = sandbox.fake("acme", &script);
    sandbox.chain(&[&fake]);
    (sandbox, fake, gate)
}

/// A command that prints a new key at every run, so many times.
fn command(keys: usize) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(keys)));
    let hosts = "hosts = [\"api.anthropic.com\", \"nowhere.example\"]";
    sandbox.config(&format!("[profile.default]\n{hosts}\nchain = [\"acme\"]\n{}", fake.command_entry("")));
    (sandbox, fake)
}
