//! Two hundred at once with one refresh token that may be used once. Times are printed for people, and never asserted.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_tests::oauth::{Authority, Fault, Fixture, token};
use claude_credential_tests::{Output, Running};

const CROWD: usize = 200;

/// Long past.
const PAST: u64 = 1_000_000_000;

#[test]
fn two_hundred_processes_with_an_expired_token_refresh_once() {
    for way in [Way::Straight, Way::Dispatcher] {
        let (fixture, authority) = fixture(Duration::from_millis(300));
        fixture.store_set(authority.grants(), 1, PAST);
        let outputs = at_once(&fixture, way, CROWD);
        assert!(outputs.iter().all(|output| way.token(output) == "access-1-2"));
        assert_eq!(authority.log(), ["refresh 1-1"], "{way:?}");
        assert!(authority.is_alive(1));
    }
}

#[test]
fn two_hundred_processes_whose_token_was_refused_refresh_once() {
    let (fixture, authority) = fixture(Duration::from_millis(300));
    fixture.store_grant(authority.grants());
    let running: Vec<Running<'_>> = (0..CROWD).map(|_| fixture.get_after_refusal("access-1-1").start()).collect();
    assert!(running.into_iter().all(|one| token(&one.finish()) == "access-1-2"));
    assert_eq!(authority.log(), ["refresh 1-1"]);
}

#[test]
fn ten_rounds_of_short_tokens_lose_none() {
    thread::scope(|scope| {
        for way in [Way::Straight, Way::Dispatcher] {
            scope.spawn(move || ten_rounds(way));
        }
    });
}

fn ten_rounds(way: Way) {
    let (fixture, authority) = fixture(Duration::from_millis(20));
    authority.tokens_live(2);
    fixture.store_set(authority.grants(), 1, PAST);
    for round in 1..=10 {
        // A round may be longer than half of their life, and then some of it need the next token.
        for output in at_once(&fixture, way, 20) {
            assert!(way.token(&output).starts_with("access-1-"));
        }
        assert!(authority.is_alive(1), "{way:?}, round {round}: {:?}", authority.log());
        thread::sleep(Duration::from_millis(2100));
    }
    assert!(authority.count("refresh") >= 10, "{:?}", authority.log());
    assert_eq!(authority.count("reuse") + authority.count("dead"), 0);
    assert_eq!(authority.count("refresh") + 1, authority.newest(1));
}

#[test]
fn two_hundred_processes_whose_grant_is_gone_ask_once() {
    for way in [Way::Straight, Way::Dispatcher] {
        let (fixture, authority) = fixture(Duration::from_millis(300));
        let grant = authority.grants();
        fixture.store_set(grant, 1, PAST);
        authority.revoke(grant);
        for output in at_once(&fixture, way, CROWD) {
            assert!(output.exits(77).error_line().contains("claude-credential login acme"), "{output:#?}");
        }
        assert_eq!(authority.log(), ["dead 1-1"], "{way:?}");
    }
}

#[test]
fn a_crowd_at_a_provider_that_is_down_is_no_storm() {
    let (fixture, authority) = fixture(Duration::ZERO);
    fixture.store_set(authority.grants(), 1, PAST);
    authority.fails("/token", Fault::Page(503), usize::MAX);
    let outputs = at_once(&fixture, Way::Dispatcher, 50);
    assert!(outputs.iter().all(|output| output.code() == Some(75)));
    let asked = authority.server().asked().iter().filter(|asked| asked.path == "/token").count();
    assert!(asked < 50, "{asked} requests of 50 callers");
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Straight,
    Dispatcher,
}

impl Way {
    fn token(self, output: &Output) -> String {
        match self {
            Self::Straight => token(output),
            Self::Dispatcher => output.key(),
        }
    }
}

fn at_once(fixture: &Fixture, way: Way, count: usize) -> Vec<Output> {
    let started = Instant::now();
    let start = |_| match way {
        Way::Straight => fixture.get(&[]).start(),
        Way::Dispatcher => fixture.print().start(),
    };
    let running: Vec<Running<'_>> = (0..count).map(start).collect();
    let outputs = running.into_iter().map(Running::finish).collect();
    // Not by a macro: the test runner swallows what those print.
    let _ = writeln!(std::io::stderr(), "{count} at once, {way:?}: {} ms", started.elapsed().as_millis());
    outputs
}

/// With a provider that thinks so long.
fn fixture(thinks: Duration) -> (Fixture, Authority) {
    let fixture = Fixture::new();
    let authority = Authority::start(&fixture.sandbox);
    authority.thinks(thinks, Duration::ZERO);
    fixture.people(&authority.issuer(), "");
    (fixture, authority)
}
