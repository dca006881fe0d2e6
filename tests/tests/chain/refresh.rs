//! `refresh ENTRY [-- COMMAND…]` of one session: nothing where the credential is good; else the command that signs in.

use std::fs;

use claude_credential_tests::script::Script;
use claude_credential_tests::{Expired, Input, skip, tool, wait_until};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn where_the_credential_is_good_nothing_is_run_or_said() {
    let fixture = Expired::new();
    fixture.sign_in();
    assert_eq!(fixture.refresh().run().succeeds().stdout, "");
    assert_eq!(fixture.runs(), 0);
    let heard = fixture.fake.last("get").expect("a get");
    assert_eq!((heard.get("claude.check"), heard.get("claude.interactive")), (Some("live"), Some("never")));
    // Nobody needs a command then.
    assert_eq!(fixture.sandbox.dispatcher(&["refresh", "acme"]).run().succeeds().stdout, "");
}

#[test]
fn where_it_is_not_the_command_is_run_and_what_was_cached_before_is_not_served_any_more() {
    let fixture = Expired::new();
    assert_eq!(fixture.sandbox.print().run().key(), "key-1");
    assert_eq!(fixture.sandbox.print().run().key(), "key-1");
    assert_eq!(fixture.fake.runs(), 1);
    let output = fixture.refresh().run();
    assert_eq!((output.exits(0).stdout.as_str(), output.stderr.as_str()), ("open the browser\n", "a warning\n"));
    assert_eq!(fixture.runs(), 1);
    assert_eq!(fixture.sandbox.print().run().key(), "key-1");
    assert_eq!(fixture.fake.runs(), 3);
    fixture.refresh().run().succeeds();
    assert_eq!(fixture.runs(), 1);
}

#[test]
fn an_entry_that_has_none_or_broke_is_not_good_and_one_without_claude_v1_is_asked_all_the_same() {
    for script in [Script::none(), Script::failure(70, "it broke"), Script::failure(1, "it broke").plain()] {
        let fixture = Expired::new();
        fixture.fake.does(&script);
        fixture.refresh().run().exits(0);
        assert_eq!(fixture.runs(), 1);
    }
    let fixture = Expired::new();
    fixture.fake.does(&Script::secrets([fixture.sandbox.secret("plain")]).plain());
    fixture.refresh().run().succeeds();
    assert_eq!(fixture.runs(), 0);
}

#[test]
fn an_entry_that_is_a_command_is_good_where_it_prints_a_key() {
    let fixture = Expired::new();
    fixture.sandbox.config(&fixture.fake.command_entry(""));
    fixture.refresh().run().exits(0);
    assert_eq!(fixture.runs(), 1);
    fixture.refresh().run().succeeds();
    assert_eq!(fixture.runs(), 1);
}

#[test]
fn no_network_and_a_wrong_setting_open_no_browser() {
    for code in [75, 78] {
        let fixture = Expired::new();
        fixture.fake.does(&Script::failure(code, "this is why; run: something"));
        let output = fixture.refresh().run();
        let said = output.fails(code.into());
        assert!(said.contains("entry acme") && said.contains("this is why"), "{said}");
        assert_eq!(fixture.runs(), 0);
    }
    let fixture = Expired::new();
    fixture.sandbox.config("[entry.acme]\nhelper = \"missing\"\n");
    assert!(fixture.refresh().run().fails(78).contains("not installed"));
    assert!(fixture.call("nothing").run().fails(78).contains("[entry.nothing]"));
    // A helper that is not installed is an error here, though a chain passes over it.
    assert!(fixture.call("bedrock").run().fails(78).contains("claude-credential-bedrock is not installed"));
    assert_eq!(fixture.runs(), 0);
}

#[test]
fn its_output_comes_while_it_runs() {
    let fixture = Expired::new();
    let pipe = fixture.sandbox.root().join("pipe");
    fixture.sandbox.call("mkfifo", &[pipe.to_str().expect("UTF-8")]).run().succeeds();
    fixture.signs_in_by(&format!("echo first; echo second >&2; read -r line <{}; echo \"$line\"", pipe.display()));
    let running = fixture.refresh().start();
    wait_until(|| running.stdout() == "first\n" && running.stderr() == "second\n");
    fs::write(pipe, "third\n").expect("a pipe");
    let output = running.finish();
    assert_eq!((output.exits(0).stdout.as_str(), output.stderr.as_str()), ("first\nthird\n", "second\n"));
}

#[test]
fn a_reader_who_stops_reading_ends_no_sign_in_and_one_who_is_slow_misses_nothing() {
    let fixture = Expired::new();
    fixture.signs_in_by("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done");
    let slow = "claude-credential refresh acme -- sign-in | { sleep 0.3; tail -n 1; }";
    assert_eq!(fixture.sandbox.call("/bin/sh", &["-c", slow]).run().succeeds().stdout, "line 19999\n");
    fixture.sign_out();
    let gone = "{ claude-credential refresh acme -- sign-in; echo $? >code; } | head -n 1; cat code";
    assert_eq!(fixture.sandbox.call("/bin/sh", &["-c", gone]).run().succeeds().stdout, "line 0\n0\n");
    assert_eq!(fixture.runs(), 2);
}

#[test]
fn a_signal_ends_the_command_too_and_is_nobody_elses_outcome() {
    let fixture = Expired::new();
    fixture.signs_in_by("trap 'echo ended >&2; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    let running = fixture.refresh().start();
    wait_until(|| running.stdout() == "ready\n");
    running.signal(Signal::TERM);
    let output = running.finish();
    // The shell may have a word of its own to say before that.
    assert!(output.exits(143).stderr.ends_with("ended\nclaude-credential: interrupted\n"), "{output:#?}");
    fixture.signs_in_by("true");
    fixture.refresh().run().exits(0);
    assert_eq!(fixture.runs(), 2);
}

#[test]
fn a_command_that_is_missing_is_a_matter_of_settings() {
    let fixture = Expired::new();
    let said = |words: &[&str]| {
        let output = fixture.sandbox.dispatcher(&["refresh", "acme", "--"]).args(words).run();
        output.exits(78).stderr.lines().last().unwrap_or_default().to_owned()
    };
    assert!(said(&["no-such-command"]).contains("no-such-command is not on PATH"));
    assert!(said(&["/no/such/command"]).contains("can't be started"));
    let shell = said(&["/bin/sh", "-c", "no-such-command"]);
    assert!(shell.contains("exited 127") && shell.ends_with("/bin/sh -c no-such-command"), "{shell}");
    let folder = fixture.sandbox.folder("clone");
    fs::copy(fixture.sandbox.bin("sign-in"), folder.join("planted")).expect("a copy");
    let planted =
        fixture.sandbox.dispatcher(&["refresh", "acme", "--", "planted"]).in_folder(&folder).with("PATH", ".");
    planted.run().fails(78);
    assert_eq!(fixture.runs(), 0);
}

#[test]
fn the_command_runs_where_we_are_called_and_learns_no_secret_of_the_clients() {
    let fixture = Expired::new();
    fixture.signs_in_by("pwd; echo \"$SOME_VARIABLE|$CLAUDE_CODE_MESSAGING_TOKEN\"; cat");
    let folder = fixture.sandbox.folder("project");
    let call = fixture.refresh().in_folder(&folder).with("SOME_VARIABLE", "kept").says("nothing of this is read");
    let output = call.with("CLAUDE_CODE_MESSAGING_TOKEN", fixture.sandbox.secret("token")).run();
    assert_eq!(output.succeeds().stdout, format!("{}\nkept|\n", folder.display()));
}

#[test]
fn a_person_at_the_terminal_can_answer_the_command() {
    let Some(script) = tool("script") else { return skip("signing in at a terminal", "no script") };
    let fixture = Expired::new();
    fixture.signs_in_by("test -t 0 && read -r code && echo \"the code is $code\"");
    let at_terminal = |command: &str| {
        fixture.sandbox.call(script.clone(), &["-qec", command, "/dev/null"]).input(Input::Open(b"1234\n".to_vec()))
    };
    let output = at_terminal("claude-credential refresh acme -- sign-in").run();
    assert!(output.succeeds().stdout.contains("the code is 1234"), "{output:#?}");
    fixture.sign_out();
    fixture.signs_in_by("test -t 0 || echo nobody is there");
    let output = at_terminal("claude-credential --no-input refresh acme -- sign-in").run();
    assert!(output.succeeds().stdout.contains("nobody is there"), "{output:#?}");
    // A check asks nobody, whoever is there.
    assert!(fixture.fake.heard().iter().all(|heard| heard.get("claude.interactive") == Some("never")));
}

#[test]
fn a_command_that_runs_this_very_command_is_seen_at_the_first_turn() {
    let fixture = Expired::new();
    fixture.signs_in_by("claude-credential refresh acme -- sign-in");
    let output = fixture.refresh().run();
    let said = output.exits(78).stderr.lines().last().unwrap_or_default();
    assert!(said.contains("runs this very command"), "{output:#?}");
    assert_eq!(fixture.runs(), 1);
    // Without the cache it has another key, so this is seen at the second.
    fs::remove_file(fixture.signed_in()).expect("the script went on");
    assert!(fixture.refresh_with(&["--no-cache"]).run().stderr.contains("runs this very command"));
    assert_eq!(fixture.runs(), 3);
}

#[test]
fn without_a_command_it_is_that_of_the_settings() {
    for (name, setting) in [("bedrock", "awsAuthRefresh"), ("vertex", "gcpAuthRefresh")] {
        let fixture = Expired::of(name);
        let refresh = || fixture.sandbox.dispatcher(&["refresh", name]);
        let usual = format!("claude-credential refresh {name} -- ");
        let output = refresh().run();
        let said = output.fails(78);
        assert!(said.contains(setting) && said.contains(&usual), "{said}");
        let ours = format!("{} refresh {name}", fixture.sandbox.bin("claude-credential").display());
        let file = fixture.sandbox.settings(&json!({ setting: ours }));
        let output = refresh().run();
        let said = output.fails(78);
        assert!(said.contains(file.to_str().expect("UTF-8")) && said.contains(&usual), "{said}");
        fixture.sandbox.settings(&json!({ setting: "sign-in; echo \"it is $0\"" }));
        assert_eq!(refresh().run().exits(0).stdout, "open the browser\nit is /bin/sh\n");
        assert_eq!(fixture.runs(), 1);
        refresh().run().succeeds();
        assert_eq!(fixture.runs(), 1);
    }
    let fixture = Expired::new();
    let output = fixture.sandbox.dispatcher(&["refresh", "acme"]).run();
    assert!(output.fails(78).ends_with("claude-credential refresh acme -- COMMAND"));
}
