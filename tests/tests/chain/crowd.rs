//! Many callers at once. Times are printed for people, and never asserted.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Fake, Output, Running, Sandbox, process, wait_until};
use rustix::process::Signal;

const CROWD: usize = 200;

/// A crowd at a time: two would wait for each other's processes.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn two_hundred_callers_on_a_cold_cache_share_one_run() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (sandbox, fake) = fixture(&Script::none());
    fake.does(&Script::secrets(sandbox.keys(CROWD)).slow(300));
    let started = Instant::now();
    let running = crowd(&sandbox, CROWD);
    report("200 callers started", started);
    let outputs = finish(running);
    report("200 callers, cold, a helper of 300 ms", started);
    assert!(outputs.iter().all(|output| output.key() == "key-1"));
    assert_eq!(fake.runs(), 1);
}

#[test]
fn two_hundred_clients_on_a_cold_cache_share_one_run() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (sandbox, fake) = fixture(&Script::none());
    fake.does(&Script::secrets(sandbox.keys(CROWD)).slow(300));
    let clients: Vec<_> = (0..CROWD).map(|_| claude_credential_tests::Client::usual(&sandbox)).collect();
    let started = Instant::now();
    let outputs = finish(clients.iter().map(claude_credential_tests::Client::start).collect());
    report("200 clients, cold, a helper of 300 ms", started);
    assert!(outputs.iter().all(|output| output.key() == "key-1"));
    assert_eq!(fake.runs(), 1);
}

#[test]
fn two_hundred_callers_of_a_failing_helper_share_one_failure() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (sandbox, fake) = fixture(&Script::failure(75, "no network"));
    let gate = gate(&sandbox);
    fake.does(&Script::failure(75, "no network").behind(&gate));
    let running = crowd(&sandbox, CROWD);
    wait_for_the_queue(&running, CROWD - 1);
    let started = Instant::now();
    fs::write(gate, "").expect("a gate");
    let outputs = finish(running);
    report("199 callers that waited for a failure, from the failure on", started);
    for output in outputs {
        assert!(output.fails(75).contains("no network"));
    }
    assert_eq!(fake.runs(), 1);
}

#[test]
fn when_the_one_that_holds_the_lock_is_killed_the_rest_still_succeeds() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (sandbox, fake) = fixture(&Script::none());
    let gate = gate(&sandbox);
    fake.does(&Script::secrets(sandbox.keys(3)).behind(&gate));
    let running = crowd(&sandbox, 20);
    wait_for_the_queue(&running, 19);
    let holder = fake.last("get").expect("a get").parent;
    running.iter().find(|caller| caller.pid() == holder).expect("the holder is one of them").signal(Signal::KILL);
    fake.wait_for_runs(2);
    fs::write(gate, "").expect("a gate");
    let (killed, others): (Vec<Output>, Vec<Output>) =
        finish(running).into_iter().partition(|output| output.signal().is_some());
    assert_eq!((killed.len(), others.len()), (1, 19));
    assert!(others.iter().all(|output| output.key() == "key-2"));
    assert_eq!(fake.runs(), 2);
}

#[test]
fn at_a_ttl_of_0_those_who_waited_share_the_run() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut sandbox, fake) = fixture(&Script::none());
    sandbox.set("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "0");
    let gate = gate(&sandbox);
    fake.does(&Script::secrets(sandbox.keys(3)).behind(&gate));
    let running = crowd(&sandbox, 20);
    wait_for_the_queue(&running, 19);
    fs::write(gate, "").expect("a gate");
    assert!(finish(running).iter().all(|output| output.key() == "key-1"));
    assert_eq!(fake.runs(), 1);
    assert_eq!(sandbox.print().run().key(), "key-2");
}

#[test]
fn nobody_queues_for_what_must_not_be_shared() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (sandbox, fake) = fixture(&Script::none());
    let answer = |key| Does::answers_with(key, &["ephemeral=1"]);
    fake.does(&Script::steps(sandbox.keys(20).into_iter().map(answer)).slow(100));
    let outputs = finish(crowd(&sandbox, 10));
    let mut keys: Vec<String> = outputs.iter().map(Output::key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 10, "{keys:?}");
    assert_eq!(fake.runs(), 10);
}

#[test]
fn different_questions_do_not_wait_for_each_other() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let sandbox = Sandbox::new();
    let gate = gate(&sandbox);
    let slow = sandbox.fake("slow", &Script::secrets([sandbox.secret("slow")]).behind(&gate));
    let quick = sandbox.fake("quick", &Script::secrets([sandbox.secret("quick")]));
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"slow\"]\n[profile.other]\nchain = [\"quick\"]\n\n{}{}",
        slow.entry(),
        quick.entry()
    ));
    let waiting = sandbox.print().start();
    slow.wait_for_runs(1);
    assert_eq!(sandbox.print().args(["--profile", "other"]).run().key(), "quick");
    fs::write(gate, "").expect("a gate");
    assert_eq!(waiting.finish().key(), "slow");
}

/// A chain of one helper.
fn fixture(script: &Script) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", script);
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}

/// A file for which helpers wait.
fn gate(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("gate")
}

fn crowd(sandbox: &Sandbox, size: usize) -> Vec<Running<'_>> {
    (0..size).map(|_| sandbox.print().start()).collect()
}

fn finish(running: Vec<Running<'_>>) -> Vec<Output> {
    running.into_iter().map(Running::finish).collect()
}

/// Until so many of them wait for a lock.
fn wait_for_the_queue(running: &[Running<'_>], length: usize) {
    let pids: Vec<u32> = running.iter().map(Running::pid).collect();
    wait_until(|| process::waiting_for_locks(&pids) == length);
}

fn report(what: &str, started: Instant) {
    // Not by a macro: the test runner swallows what those print.
    let _ = writeln!(std::io::stderr(), "{what}: {} ms", started.elapsed().as_millis());
}
