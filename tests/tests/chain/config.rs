//! What `config.toml` can say.

use std::thread;
use std::time::Duration;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Client, Fake, Sandbox};

#[test]
fn the_longest_directory_that_matches_by_whole_components_chooses_the_profile() {
    let sandbox = Sandbox::new();
    let fake = |name: &str| sandbox.fake(name, &Script::secrets([sandbox.secret(name)]));
    let (outer, inner, usual) = (fake("outer"), fake("inner"), fake("usual"));
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"usual\"]\n\
         [profile.a]\nchain = [\"outer\"]\ndirectories = [\"~/code\"]\n\
         [profile.b]\nchain = [\"inner\"]\ndirectories = [\"~/code/acme\", \"{}/else where\"]\n\n{}{}{}",
        sandbox.home().display(),
        outer.entry(),
        inner.entry(),
        usual.entry()
    ));
    for (folder, expected) in [
        ("", "usual"),
        ("code", "outer"),
        ("code/deep/er", "outer"),
        ("codex", "usual"),
        ("code/acme", "inner"),
        ("code/acme/x", "inner"),
        ("code/acme-old", "outer"),
        ("else where/x", "inner"),
    ] {
        let folder = sandbox.folder(folder);
        assert_eq!(sandbox.print().in_folder(&folder).run().key(), expected, "{}", folder.display());
        assert_eq!(Client::usual(&sandbox).in_folder(&folder).key(), expected, "{}", folder.display());
    }
}

#[test]
fn the_physical_working_directory_counts_whatever_pwd_says() {
    let sandbox = Sandbox::new();
    let (usual, inner) = (
        sandbox.fake("usual", &Script::secrets([sandbox.secret("usual")])),
        sandbox.fake("inner", &Script::secrets([sandbox.secret("inner")])),
    );
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"usual\"]\n[profile.b]\nchain = [\"inner\"]\ndirectories = [\"~/acme\"]\n\n{}{}",
        usual.entry(),
        inner.entry()
    ));
    let (acme, link) = (sandbox.folder("acme"), sandbox.home().join("link"));
    std::os::unix::fs::symlink(&acme, &link).expect("a link");
    assert_eq!(sandbox.print().in_folder(&link).with("PWD", &link).run().key(), "inner");
    assert_eq!(sandbox.print().with("PWD", &acme).run().key(), "usual");
}

#[test]
fn on_the_wire_the_profile_is_the_one_that_lists_the_host() {
    let sandbox = Sandbox::new();
    let (usual, other) = (
        sandbox.fake("usual", &Script::secrets([sandbox.secret("usual")])),
        sandbox.fake("other", &Script::secrets([sandbox.secret("other")])),
    );
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"usual\"]\n\
         [profile.a]\nhosts = [\"gateway.example\", \"shared.example\"]\nchain = [\"other\"]\n\
         [profile.b]\nhosts = [\"shared.example\"]\nchain = [\"usual\"]\ndirectories = [\"~/b\"]\n\n{}{}",
        usual.entry(),
        other.entry()
    ));
    let get = |host: &str, folder: &str| {
        let call = sandbox.dispatcher(&["get"]).in_folder(&sandbox.folder(folder)).shows_secret();
        call.says(claude_credential_tests::request(host, &[])).run()
    };
    assert!(get("api.anthropic.com", "").succeeds().stdout.contains("-usual\n"));
    assert!(get("gateway.example", "").succeeds().stdout.contains("-other\n"));
    assert!(get("shared.example", "b").succeeds().stdout.contains("-usual\n"));
    let unclear = get("shared.example", "");
    assert!(unclear.exits(78).error_line().contains("shared.example"), "{unclear:#?}");
}

#[test]
fn a_command_is_run_without_a_shell_and_a_shell_line_by_one() {
    let sandbox = Sandbox::new();
    let (key, touched) = (sandbox.write("key", sandbox.secret("key-1")), sandbox.home().join("touched"));
    let (key, touched) = (key.display(), touched.display());
    entry(&sandbox, &format!("command = [\"cat\", \"{key}\"]"));
    assert_eq!(sandbox.print().run().key(), "key-1");
    entry(&sandbox, &format!("command = [\"cat\", \"{key};touch${{IFS}}{touched}\"]"));
    sandbox.dispatcher(&["print"]).run().fails(70);
    assert!(!sandbox.home().join("touched").exists());
    entry(&sandbox, &format!("shell = \"cat {key} | cat; touch {touched}\""));
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert!(sandbox.home().join("touched").exists());
}

#[test]
fn commands_run_in_the_home_of_the_user() {
    let sandbox = Sandbox::new();
    let clone = sandbox.folder("clone");
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(1)));
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n{}", fake.command_entry("")));
    assert_eq!(sandbox.print().in_folder(&clone).run().key(), "key-1");
    assert_eq!(fake.last("key").expect("a run").folder, sandbox.home());
}

#[test]
fn the_kind_of_what_a_command_prints_is_what_the_entry_says() {
    let sandbox = Sandbox::new();
    let key = sandbox.write("key", sandbox.secret("key-1"));
    for (kind, name) in
        [("", "x-api-key: "), ("kind = \"api-key\"", "x-api-key: "), ("kind = \"bearer\"", "Authorization: Bearer ")]
    {
        entry(&sandbox, &format!("command = [\"cat\", \"{}\"]\n{kind}", key.display()));
        let output = sandbox.print().args(["--format", "header"]).run();
        assert!(output.succeeds().stdout.starts_with(name), "{kind}: {output:#?}");
    }
}

#[test]
fn an_exit_code_may_mean_none() {
    let (sandbox, fake) = command("none_exit = [1, 44]");
    for (code, expected) in [(1, Some("next")), (44, Some("next")), (2, None)] {
        fake.does(&Script::new(Does::Fails { code, stderr: "not found".into(), secret: None }));
        let output = sandbox.dispatcher(&["print", "--no-cache"]).shows_secret().run();
        match expected {
            Some(key) => assert_eq!(output.printed_key(), key, "exit {code}"),
            None => assert!(output.fails(70).contains("acme"), "exit {code}"),
        }
    }
}

#[test]
fn words_on_stderr_beside_a_key_are_accepted_unless_the_entry_forbids_them() {
    for (lines, accepted) in [("", true), ("stderr = \"accept\"", true), ("stderr = \"error\"", false)] {
        let sandbox = Sandbox::new();
        let key = sandbox.write("key", sandbox.secret("key-1"));
        entry(&sandbox, &format!("shell = \"cat {}; echo a warning >&2\"\n{lines}", key.display()));
        let output = sandbox.print().run();
        if accepted {
            assert_eq!(output.key(), "key-1", "{lines}");
        } else {
            assert!(output.fails(70).contains("acme"), "{output:#?}");
        }
    }
}

#[test]
fn the_variables_on_which_an_entry_depends_make_another_answer() {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(9)));
    let entry = fake.command_entry("vary = [\"VAULT_*\", \"TEAM\"]");
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n\n{entry}"));
    let key = |name: &str, value: &str| sandbox.print().with(name, value).run().key();
    assert_eq!(key("VAULT_ADDR", "a"), "key-1");
    assert_eq!(key("VAULT_ADDR", "b"), "key-2");
    assert_eq!(key("TEAM", "red"), "key-3");
    assert_eq!(key("VAULT_ADDR", "a"), "key-1");
    assert_eq!(key("TEAM", "red"), "key-3");
    let other = sandbox.print().with("VAULT_ADDR", "a").with("UNRELATED", "1").run();
    assert_eq!(other.key(), "key-1");
    assert_eq!(fake.runs(), 3);
}

#[test]
fn without_a_list_every_variable_counts_but_those_of_a_terminal_or_a_process() {
    let (sandbox, fake) = command("");
    fake.does(&Script::secrets(sandbox.keys(9)));
    let key = |name: &str, value: &str| sandbox.print().with(name, value).run().key();
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(key("ACME_ACCOUNT", "x"), "key-2");
    for name in ["TERM", "WINDOWID", "SHLVL", "OLDPWD", "PWD", "_", "COLUMNS", "AI_AGENT", "CLAUDECODE"] {
        assert_eq!(key(name, "x"), "key-1", "{name}");
    }
    let of_client = sandbox.print().with("CLAUDE_CODE_MESSAGING_SOCKET", "x").with("AI_AGENT", "x");
    assert_eq!(of_client.run().key(), "key-1");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn an_entry_s_ttl_comes_before_the_profile_s_and_that_before_the_general_one() {
    for (general, profile, entry, variable, kept) in [
        ("1s", "", "", None, false),
        ("1h", "1s", "", None, false),
        ("1h", "1h", "1s", None, false),
        ("1s", "1s", "1h", None, true),
        ("1s", "1h", "", None, true),
        ("1s", "1s", "1s", Some("3600000"), true),
        ("1h", "1h", "1h", Some("1000"), false),
    ] {
        let line = |ttl: &str| if ttl.is_empty() { String::new() } else { format!("ttl = \"{ttl}\"") };
        let mut sandbox = Sandbox::new();
        if let Some(variable) = variable {
            sandbox.set("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", variable);
        }
        let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(2)));
        let (general, profile, entry) = (line(general), line(profile), fake.entry_with(&line(entry)));
        let text = format!("{general}\n[profile.default]\n{profile}\nchain = [\"acme\"]\n\n{entry}");
        sandbox.config(&text);
        assert_eq!(sandbox.print().run().key(), "key-1");
        thread::sleep(Duration::from_millis(1100));
        assert_eq!(sandbox.print().run().key(), if kept { "key-1" } else { "key-2" }, "{text} {variable:?}");
    }
}

#[test]
fn the_end_of_a_credential_caps_every_ttl() {
    let sandbox = Sandbox::new();
    let answer = |name: &str| Does::answers_until(sandbox.secret(name), 4);
    let fake = sandbox.fake("acme", &Script::steps([answer("key-1"), answer("key-2")]));
    let text = format!("ttl = \"1h\"\n[profile.default]\nchain = [\"acme\"]\n\n{}", fake.entry());
    sandbox.config(&text);
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(sandbox.print().run().key(), "key-1");
    thread::sleep(Duration::from_millis(4100));
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn an_answer_that_has_ended_already_is_not_handed_out_again() {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::new(Does::answers_until(sandbox.secret("old"), -60)));
    sandbox.chain(&[&fake]);
    let _ = sandbox.dispatcher(&["print"]).shows_secret().run();
    let _ = sandbox.dispatcher(&["print"]).shows_secret().run();
    assert_eq!(fake.runs(), 2);
}

#[test]
fn an_edited_config_is_obeyed_at_once() {
    let sandbox = Sandbox::new();
    let (one, two) = (
        sandbox.fake("one", &Script::secrets([sandbox.secret("one")])),
        sandbox.fake("two", &Script::secrets([sandbox.secret("two")])),
    );
    sandbox.chain(&[&one]);
    assert_eq!(sandbox.print().run().key(), "one");
    sandbox.chain(&[&two]);
    assert_eq!(sandbox.print().run().key(), "two");
}

#[test]
fn folders_that_are_not_absolute_are_refused_by_name() {
    let sandbox = Sandbox::new();
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
        let print = sandbox.dispatcher(&["print"]).with("ANTHROPIC_API_KEY", "made-up").with(name, "relative");
        let output = print.run();
        assert!(output.fails(78).contains(name), "{output:#?}");
    }
    let output = sandbox.dispatcher(&["print"]).with("ANTHROPIC_API_KEY", "made-up").without("HOME").run();
    assert!(output.fails(78).contains("HOME"), "{output:#?}");
}

/// A chain of a command named acme, with further lines, and of a helper that would answer.
fn command(lines: &str) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(1)));
    let next = sandbox.fake("next", &Script::secrets([sandbox.secret("next")]));
    let entries = fake.command_entry(lines) + &next.entry();
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\", \"next\"]\n\n{entries}"));
    (sandbox, fake)
}

fn entry(sandbox: &Sandbox, lines: &str) {
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n\n[entry.acme]\n{lines}\n"));
}
