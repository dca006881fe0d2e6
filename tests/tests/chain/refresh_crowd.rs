//! `refresh` of many sessions that wake together: one sign-in, and its outcome for all.

use std::fs;

use claude_credential_tests::{Expired, Running, process, wait_until, waits_for};
use rustix::process::Signal;

const CROWD: usize = 20;

#[test]
fn twenty_sessions_at_once_sign_in_once() {
    let fixture = Expired::new();
    let gate = fixture.behind_a_gate();
    let outputs = fixture.crowd(CROWD, &gate);
    assert_eq!(fixture.runs(), 1);
    for output in &outputs {
        output.exits(0);
    }
    let waited = "claude-credential: another session is signing in for acme; waiting for it\n";
    assert_eq!(outputs.iter().filter(|output| output.stderr == waited).count(), CROWD - 1);
}

#[test]
fn twenty_sessions_at_once_share_a_failure() {
    let fixture = Expired::new();
    let gate = fixture.behind_a_gate();
    fixture.signs_in_by(&format!("{}; echo no such profile >&2; exit 3", waits_for(&gate)));
    let outputs = fixture.crowd(CROWD, &gate);
    assert_eq!(fixture.runs(), 1);
    let said = "claude-credential: the command exited 3: no such profile; run it by hand: sign-in\n";
    for output in outputs {
        assert!(output.exits(77).stderr.ends_with(said), "{output:#?}");
    }
    // Who comes later signs in for himself.
    fixture.refresh().run().exits(77);
    assert_eq!(fixture.runs(), 2);
}

#[test]
fn when_the_session_that_signs_in_is_killed_one_that_waits_does() {
    let fixture = Expired::new();
    let gate = fixture.behind_a_gate();
    let running: Vec<_> = (0..3).map(|_| fixture.refresh().start()).collect();
    let pids: Vec<u32> = running.iter().map(Running::pid).collect();
    wait_until(|| process::waiting_for_locks(&pids) == 2 && fixture.runs() == 1);
    let holder = process::parent(fixture.command_pid()).expect("a parent");
    running.iter().find(|session| session.pid() == holder).expect("one of them").signal(Signal::KILL);
    wait_until(|| fixture.runs() == 2);
    fs::write(gate, "").expect("a gate");
    let codes: Vec<_> = running.into_iter().map(|session| session.finish().code()).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 2, "{codes:?}");
    assert_eq!(fixture.runs(), 2);
}

#[test]
fn a_session_that_is_ended_while_it_waits_leaves_the_others_waiting() {
    let fixture = Expired::new();
    let gate = fixture.behind_a_gate();
    let holder = fixture.refresh().start();
    wait_until(|| fixture.runs() == 1);
    let (ended, other) = (fixture.refresh().start(), fixture.refresh().start());
    let pids = [ended.pid(), other.pid()];
    wait_until(|| process::waiting_for_locks(&pids) == 2);
    ended.signal(Signal::TERM);
    let ended = ended.finish();
    assert!(ended.signal() == Some(15) || ended.code() == Some(143), "{ended:#?}");
    fs::write(gate, "").expect("a gate");
    holder.finish().exits(0);
    other.finish().exits(0);
    assert_eq!(fixture.runs(), 1);
}

#[test]
fn another_account_is_another_sign_in_and_another_terminal_is_not() {
    for (variable, other_account) in [("AWS_PROFILE", true), ("AWS_REGION", false), ("SOME_VARIABLE", false)] {
        let fixture = Expired::of("bedrock");
        let gate = fixture.behind_a_gate();
        let one = fixture.call("bedrock").with(variable, "one").start();
        wait_until(|| fixture.runs() == 1);
        let other = fixture.call("bedrock").with(variable, "other").start();
        let pids = [one.pid(), other.pid()];
        wait_until(|| fixture.runs() == 2 || process::waiting_for_locks(&pids) == 1);
        fs::write(gate, "").expect("a gate");
        one.finish().exits(0);
        other.finish().exits(0);
        assert_eq!(fixture.runs(), if other_account { 2 } else { 1 }, "{variable}");
    }
}

#[test]
fn of_another_entry_the_variables_count_that_it_varies_by() {
    let fixture = Expired::new();
    fixture.sandbox.config(&fixture.fake.entry_with("vary = [\"VAULT_*\"]"));
    let gate = fixture.behind_a_gate();
    let sessions = ["one", "other"].map(|address| fixture.refresh().with("VAULT_ADDR", address).start());
    wait_until(|| fixture.runs() == 2);
    fs::write(gate, "").expect("a gate");
    for session in sessions {
        session.finish().exits(0);
    }
}

#[test]
fn without_cache_nothing_is_locked_or_shared() {
    let fixture = Expired::new();
    let gate = fixture.behind_a_gate();
    let holder = fixture.refresh().start();
    wait_until(|| fixture.runs() == 1);
    let other = fixture.refresh_with(&["--no-cache"]).start();
    wait_until(|| fixture.runs() == 2);
    fs::write(gate, "").expect("a gate");
    holder.finish().exits(0);
    other.finish().exits(0);
}
