//! Ended at any moment: nothing half written, the lock free, the next call works.

use std::fs;
use std::thread;
use std::time::Duration;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Client, Fake, Sandbox, wait_until};
use rustix::process::Signal;

#[test]
fn whatever_signal_ends_a_call_at_whatever_moment_the_next_one_works() {
    for (round, signal) in
        [Signal::INT, Signal::TERM, Signal::KILL, Signal::HUP].into_iter().cycle().take(48).enumerate()
    {
        let (sandbox, fake) = fixture(&Script::none());
        fake.does(&Script::secrets(sandbox.keys(3)).slow(20));
        let running = sandbox.print().start();
        // From before the first line of main to after the last, in steps of a prime number.
        thread::sleep(Duration::from_micros((round as u64 * 1_709) % 40_000));
        running.signal(signal);
        let ended = running.finish();
        assert!(ended.stdout.is_empty() || ended.stdout.ends_with('\n'), "half a key: {ended:#?}");
        let next = sandbox.print().run().key();
        assert_eq!(sandbox.print().run().key(), next);
        assert!(fake.runs() <= 2, "{} runs", fake.runs());
    }
}

#[test]
fn a_temporary_file_is_not_left_behind_by_a_call_that_may_tidy_up() {
    for signal in [Signal::INT, Signal::TERM] {
        let (sandbox, fake) = fixture(&Script::none());
        fake.does(&Script::secrets(sandbox.keys(3)).slow(300));
        let running = sandbox.print().start();
        fake.wait_for_runs(1);
        running.signal(signal);
        running.finish();
        let left = sandbox.runtime_files().into_iter().filter(|file| file.extension().is_some_and(|end| end == "new"));
        assert_eq!(left.count(), 0);
    }
}

#[test]
fn a_signal_is_passed_on_to_the_helper_and_the_helper_is_waited_for() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let (sandbox, fake) = fixture(&Script::new(Does::Hangs { deaf: false }));
        let running = sandbox.dispatcher(&["print"]).start();
        fake.wait_for_runs(1);
        thread::sleep(Duration::from_millis(100));
        running.signal(signal);
        let output = running.finish();
        assert!(output.code() == Some(code) || output.signal().is_some(), "{output:#?}");
        assert!(fake.last("signal").is_some(), "the helper heard no signal");
        assert!(!fake.still_runs());
    }
}

#[test]
fn a_helper_that_survives_its_caller_keeps_no_lock() {
    let (sandbox, fake) = fixture(&Script::none());
    fake.does(&Script::new(Does::Hangs { deaf: true }));
    let running = sandbox.dispatcher(&["print"]).start();
    fake.wait_for_runs(1);
    running.signal(Signal::KILL);
    running.finish();
    assert!(fake.still_runs(), "the helper was to go on");
    fake.does(&Script::secrets(sandbox.keys(1)));
    assert_eq!(sandbox.print().run().key(), "key-1");
    for heard in fake.heard() {
        let _ = rustix::process::Pid::from_raw(heard.pid.cast_signed())
            .map(|pid| rustix::process::kill_process(pid, Signal::KILL));
    }
}

#[test]
fn a_waiter_that_is_ended_leaves_the_others_waiting() {
    let (sandbox, fake) = fixture(&Script::none());
    let gate = sandbox.root().join("gate");
    fake.does(&Script::secrets(sandbox.keys(2)).behind(&gate));
    let holder = sandbox.print().start();
    fake.wait_for_runs(1);
    let (ended, other) = (sandbox.print().start(), sandbox.print().start());
    let pids = [ended.pid(), other.pid()];
    wait_until(|| claude_credential_tests::process::waiting_for_locks(&pids) == 2);
    ended.signal(Signal::TERM);
    let ended = ended.finish();
    assert!(ended.code() != Some(0) && ended.stdout.is_empty(), "{ended:#?}");
    fs::write(gate, "").expect("a gate");
    assert_eq!((holder.finish().key(), other.finish().key()), ("key-1".to_owned(), "key-1".to_owned()));
    assert_eq!(fake.runs(), 1);
}

#[test]
fn a_reader_that_has_gone_away_is_no_failure() {
    let (sandbox, fake) = fixture(&Script::none());
    fake.does(&Script::secrets(sandbox.keys(1)));
    // The exit code of the first program of a pipeline, as POSIX lets us see it.
    let command = "{ claude-credential print --format json; echo $? >code; } | true; cat code";
    let output = sandbox.call("/bin/sh", &["-c", command]).run();
    assert_eq!(output.succeeds().stdout, "0\n");
}

#[test]
fn a_client_that_goes_away_leaves_a_cache_that_works() {
    for pause in [0, 3, 6, 9, 30] {
        let (sandbox, fake) = fixture(&Script::none());
        fake.does(&Script::secrets(sandbox.keys(2)).slow(10));
        let running = Client::usual(&sandbox).start();
        thread::sleep(Duration::from_millis(pause));
        running.signal(Signal::KILL);
        running.finish();
        let key = Client::usual(&sandbox).key();
        assert_eq!(Client::usual(&sandbox).key(), key);
    }
}

/// A chain of one helper.
fn fixture(script: &Script) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", script);
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}
