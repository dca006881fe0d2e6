//! Helpers that do what no helper should: the answer is dropped, the chain stops, and one line names the entry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Answer, Call, Fake, Sandbox, request, wait_until};

#[test]
fn rubbish_stops_the_chain() {
    stops(|_| Does::Prints("Opening your browser …\n".into()));
    stops(|_| Does::Prints("\u{1b}[2J\u{202e}key\n\n".into()));
    stops(|secret| Does::Prints(format!("{secret}\n")));
    stops(|secret| Does::Prints(format!("capability[]=claude.v1\ncredential={secret}\n\n")));
    stops(|secret| Does::Prints(format!("username=x-api-key\npassword={secret}\rhost=evil.example\n\n")));
    stops(|secret| Does::Prints(format!("username=x-api-key\npassword={secret}\0\n\n")));
    stops(|_| Does::Prints("username=x-api-key\npassword=\n\n".into()));
}

#[test]
fn an_answer_for_another_origin_stops_the_chain() {
    for line in ["host=evil.example", "protocol=http", "path=elsewhere", "url=http://evil.example", "host="] {
        stops(|secret| Does::answers_with(secret, &[line]));
    }
}

#[test]
fn an_answer_that_repeats_the_request_is_one() {
    let (sandbox, broken, _) = fixture(&Script::none());
    let lines = ["protocol=https", "host=api.anthropic.com"];
    broken.does(&Script::new(Does::answers_with(sandbox.secret("key-1"), &lines)));
    assert_eq!(sandbox.print().run().key(), "key-1");
}

#[test]
fn an_answer_with_an_impossible_expiry_stops_the_chain() {
    for line in ["password_expiry_utc=0", "password_expiry_utc=soon", "password_expiry_utc=253402300800"] {
        stops(|secret| Does::answers_with(secret, &[line]));
    }
}

#[test]
fn an_answer_beside_an_exit_code_is_dropped() {
    for code in [1, 65, 70, 75, 77, 78, 101] {
        stops(|secret| Does::Fails { code, stderr: "no".into(), secret: Some(secret) });
    }
}

#[test]
fn a_helper_that_is_killed_stops_the_chain() {
    for signal in [6, 9, 15] {
        stops(|_| Does::Dies(signal));
    }
}

#[test]
fn a_message_that_was_cut_stops_the_chain() {
    stops(Does::Truncates);
    stops(|secret| Does::Prints(format!("capability[]=claude.v1\nauthtype=x-api-key\ncredential={secret}\n")));
}

#[test]
fn a_helper_that_closes_stdout_early_stops_the_chain() {
    stops(|_| Does::ClosesStdout);
}

#[test]
fn a_hundred_megabytes_stop_the_chain() {
    stops(|_| Does::Floods(100));
}

#[test]
fn a_process_left_behind_that_holds_stdout_stops_the_chain() {
    stops(Does::LeavesChild);
}

#[test]
fn quit_stops_the_chain() {
    stops(|_| Does::Prints("quit=1\n\n".into()));
    stops(|_| Does::Prints("capability[]=claude.v1\nquit=1\n\n".into()));
}

#[test]
fn a_helper_that_hangs_is_stopped_at_the_deadline_though_it_is_deaf_to_sigterm() {
    for deaf in [false, true] {
        let (sandbox, broken, next) = fixture(&Script::new(Does::Hangs { deaf }));
        let output = with_deadline(&sandbox, Duration::from_millis(1500)).run();
        let said = output.error_line();
        assert!(said.contains("broken"), "{said}");
        assert!(matches!(output.code(), Some(70 | 75)), "{output:#?}");
        assert_eq!(Answer::parse(&output.stdout).keys(), ["capability[]", "quit"]);
        wait_until(|| !broken.still_runs());
        assert!(broken.last("signal").is_some(), "it was not asked to end first");
        assert_eq!(next.runs(), 0);
        // No measurement: far from the caller's deadline, and as far from our own of 30 s, which would be the wrong one.
        assert!(output.took < Duration::from_secs(15), "stopped at another deadline than the caller's: {output:#?}");
    }
}

#[test]
fn the_deadline_is_handed_down() {
    let (sandbox, broken, _) = fixture(&Script::secrets(["made-up".to_owned()]));
    let call = with_deadline(&sandbox, Duration::from_secs(7));
    call.run().exits(0);
    let handed: u128 =
        broken.last("get").and_then(|heard| heard.get("claude.deadline")?.parse().ok()).expect("a number");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis();
    assert!(handed < now + 7_000, "{handed} is later than {now} and 7 s");
}

#[test]
fn the_exit_code_of_a_helper_that_does_not_speak_our_protocol_says_nothing() {
    for code in [65, 75, 77, 78] {
        let (sandbox, broken, next) = fixture(&Script::none());
        broken.does(&Script::failure(code, "no").plain());
        sandbox.dispatcher(&["print"]).run().fails(70);
        assert_eq!(next.runs(), 0);
    }
}

#[test]
fn a_helper_of_git_s_own_protocol_answers_as_any_other() {
    let (sandbox, broken, _) = fixture(&Script::none());
    broken.does(&Script::secrets(sandbox.keys(1)).plain());
    assert_eq!(sandbox.print().run().key(), "key-1");
    broken.does(&Script::new(Does::Prints(String::new())).plain());
    sandbox.dispatcher(&["cache", "clear"]).run().exits(0);
    assert_eq!(sandbox.print().run().key(), "next");
}

#[test]
fn what_a_helper_says_on_stderr_is_made_harmless_before_it_is_shown() {
    let (sandbox, _broken, _) = fixture(&Script::failure(78, "first\u{1b}[2J\u{202e}\nsecond\u{1b}]0;title\u{7}"));
    let output = sandbox.dispatcher(&["print"]).run();
    let said = output.fails(78);
    assert!(said.contains("second") && !said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{said:?}");
}

#[test]
fn a_command_that_prints_no_key_is_a_failure() {
    let words = |text: &str| Does::Prints(text.to_owned());
    let failing = Does::Fails { code: 3, stderr: "no".into(), secret: None };
    let cases =
        [words(""), words("null\n"), words("two words\n"), words("two\nlines\n"), words("schlüssel\n"), failing];
    for does in cases {
        let sandbox = Sandbox::new();
        let command = sandbox.fake("acme", &Script::new(does.clone()));
        let next = sandbox.fake("next", &Script::secrets(sandbox.keys(1)));
        let entries = command.command_entry("") + &next.entry();
        sandbox.config(&format!("[profile.default]\nchain = [\"acme\", \"next\"]\n\n{entries}"));
        let output = sandbox.dispatcher(&["print"]).run();
        assert!(output.fails(70).contains("acme"), "{does:?}: {output:#?}");
        assert_eq!(next.runs(), 0);
    }
}

#[test]
fn a_command_that_is_not_there_or_not_executable_is_for_the_user_to_mend() {
    let sandbox = Sandbox::new();
    let plain = sandbox.write("plain-file", "#!/bin/sh\n");
    for entry in [
        "command = [\"no-such-program-anywhere\"]".to_owned(),
        "shell = \"no-such-program-anywhere\"".to_owned(),
        format!("command = [\"{}\"]", plain.display()),
        format!("shell = \"{}\"", plain.display()),
    ] {
        sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n\n[entry.acme]\n{entry}\n"));
        assert!(sandbox.dispatcher(&["print"]).run().fails(78).contains("acme"), "{entry}");
    }
}

/// `does` gives no key, whatever comes after it in the chain; the next call asks again.
#[track_caller]
fn stops(does: impl FnOnce(String) -> Does) {
    let (sandbox, broken, next) = fixture(&Script::none());
    let does = does(sandbox.secret("broken"));
    broken.does(&Script::new(does.clone()));
    let output = sandbox.dispatcher(&["print"]).run();
    let said = output.error_line();
    assert!(output.stdout.is_empty() && matches!(output.code(), Some(65..=78)), "{does:?}: {output:#?}");
    assert!(said.starts_with("claude-credential: ") && said.contains("broken"), "{does:?}: {said}");
    assert_eq!((broken.runs(), next.runs()), (1, 0), "{does:?}");
    broken.does(&Script::secrets(sandbox.keys(1)));
    assert_eq!(sandbox.print().run().key(), "key-1", "{does:?}");
}

/// A chain of a helper that does as it likes and one that would answer.
fn fixture(script: &Script) -> (Sandbox, Fake, Fake) {
    let sandbox = Sandbox::new();
    let broken = sandbox.fake("broken", script);
    let next = sandbox.fake("next", &Script::secrets([sandbox.secret("next")]));
    sandbox.chain(&[&broken, &next]);
    (sandbox, broken, next)
}

/// A `get` by the wire whose caller gives up after `time`.
fn with_deadline(sandbox: &Sandbox, time: Duration) -> Call<'_> {
    let at = (SystemTime::now() + time).duration_since(UNIX_EPOCH).expect("a time after 1970").as_millis();
    let deadline = format!("claude.deadline={at}");
    sandbox.dispatcher(&["get"]).says(request("api.anthropic.com", &["capability[]=claude.v1", &deadline]))
}

#[test]
fn a_header_that_is_none_or_changes_the_request_is_malformed() {
    let header = |header: &str| {
        let sandbox = Sandbox::new();
        let line = format!("claude.header[]={header}");
        let fake = sandbox.fake("acme", &Script::new(Does::answers_with(sandbox.secret("one"), &[&line])));
        sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n{}", fake.entry()));
        sandbox.print().args(["--format", "header"]).shows_secret().run()
    };
    for bad in [
        "X-Team",
        "X Team: red",
        "X-Team: r\u{1b}d",
        "Host: evil.example",
        "content-length: 0",
        "Authorization: x",
        "X-API-Key: x",
    ] {
        let output = header(bad);
        let said = output.fails(65);
        assert!(said.contains("claude.header[]") && !said.contains("evil"), "{bad}: {said}");
    }
    assert!(header("X-Team: red").succeeds().stdout.ends_with("X-Team: red\n"));
}
