//! Several who ask at once: one asks the provider, for all of them.

use std::time::Duration;

use claude_credential_protocol::{Class, Error, Request, now};

use super::server::{Reply, Server};
use super::signed_in::{folder, provider, signed_in, store, token};
use super::{Fixture, anthropic};

/// Four who ask at once and wait for each other.
fn crowd(fixture: &Fixture, request: &Request) -> Vec<Result<String, Error>> {
    let is_lock = |path: &std::path::PathBuf| path.extension().is_some_and(|ending| ending == "lock");
    let lock = std::fs::read_dir(folder(fixture)).unwrap().map(|entry| entry.unwrap().path()).find(is_lock).unwrap();
    let lock = claude_credential_files::Lock::acquire(&lock, Duration::from_secs(9)).unwrap();
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..4).map(|_| scope.spawn(|| token(fixture, request))).collect();
        std::thread::sleep(Duration::from_secs(1));
        drop(lock);
        crowd.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn a_crowd_does_not_ask_a_dead_server_one_by_one() {
    let busy = Reply::With(429, "Retry-After: 3600\r\n", String::new());
    let server = Server::start(vec![busy, Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, -10);
    for outcome in crowd(&fixture, &anthropic()) {
        let error = outcome.unwrap_err();
        assert!(error.class() == Class::Unavailable && error.to_string().contains("answered 429"), "{error}");
    }
    assert_eq!(server.seen().len(), 1);
    // Who comes later may be luckier.
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
}

#[test]
fn a_caller_without_time_asks_nobody_and_says_nothing_for_others() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, -10);
    let error = token(&fixture, &Request { deadline: Some(now() + 9_000), ..anthropic() }).unwrap_err();
    assert!(error.class() == Class::Unavailable && server.seen().is_empty(), "{error}");
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
}

#[test]
fn one_proof_is_enough_for_all_who_waited_for_it() {
    let server = Server::start((1..9).map(|number| Reply::tokens(number, 3600)).collect());
    let fixture = signed_in(&server, 3600);
    let live = Request { check_live: true, ..anthropic() };
    for answer in crowd(&fixture, &live) {
        assert_eq!(answer.unwrap(), "CANARY-access-1");
    }
    assert_eq!(token(&fixture, &live).unwrap(), "CANARY-access-2", "who comes later wants a proof of his own");
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn what_can_not_be_proven_is_no_answer_to_who_wants_a_proof() {
    let server = Server::start(Vec::new());
    let fixture = provider(&server);
    store(&fixture, "0", 3600, false);
    let error = token(&fixture, &Request { check_live: true, ..anthropic() }).unwrap_err();
    assert!(error.class() == Class::SignIn && error.to_string().contains("can't be proven"), "{error}");
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-0");
}
