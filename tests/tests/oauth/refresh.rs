//! Refreshing: when, how often, and what comes of it when the provider fails.

use std::thread;
use std::time::Duration;

use claude_credential_tests::oauth::{Authority, Fault, Fixture, PROVIDER, Server, Stored, now, token};
use claude_credential_tests::{Answer, Output};

/// Long past.
const PAST: u64 = 1_000_000_000;

#[test]
fn what_is_not_due_is_answered_from_what_is_stored() {
    let (fixture, authority) = fixture();
    fixture.store_grant(authority.grants());
    for _ in 0..3 {
        assert_eq!(fixture.token(), "access-1-1");
        assert_eq!(fixture.print().run().key(), "access-1-1");
    }
    assert!(authority.server().asked().is_empty(), "{:?}", authority.log());
}

#[test]
fn what_is_expired_is_refreshed_once_and_rotation_is_kept() {
    let (fixture, authority) = fixture();
    fixture.store_set(authority.grants(), 1, PAST);
    assert_eq!(fixture.token(), "access-1-2");
    assert_eq!(fixture.token(), "access-1-2");
    assert_eq!(authority.log(), ["refresh 1-1"]);
    assert_eq!(token(&fixture.get_after_refusal("access-1-2").run()), "access-1-3");
    assert_eq!(authority.log(), ["refresh 1-1", "refresh 1-2"]);
    assert!(authority.is_alive(1));
}

#[test]
fn a_provider_that_does_not_rotate_keeps_its_refresh_token() {
    // An answer without a refresh token: the one that was sent goes on (RFC 6749, 6).
    let fixture = Fixture::new();
    let canary = fixture.sandbox.canary().clone();
    let server = Server::start(move |asked| match asked.form().get("refresh_token") {
        Some(sent) if *sent == canary.secret("refresh-for-ever") => claude_credential_tests::oauth::Reply::json(
            200,
            &serde_json::json!({ "access_token": canary.secret("fresh"), "token_type": "bearer", "expires_in": 1 }),
        ),
        _ => claude_credential_tests::oauth::Reply::error(400, "invalid_grant"),
    });
    fixture.provider(&format!(
        "authorization_endpoint = \"{0}\"\ntoken_endpoint = \"{0}\"\nclient_id = \"acme-cli\"\nstore = \"file\"",
        server.url("/token")
    ));
    fixture.store(Stored { access: "old", refresh: Some("refresh-for-ever"), until: Some(PAST) }).exits(0);
    assert_eq!(fixture.token(), "fresh");
    thread::sleep(Duration::from_millis(1100));
    assert_eq!(fixture.token(), "fresh");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_refusal_forces_a_refresh_only_of_the_token_that_is_stored() {
    let (fixture, authority) = fixture();
    fixture.store_grant(authority.grants());
    assert_eq!(token(&fixture.get_after_refusal("access-0-9").run()), "access-1-1", "somebody else's is not ours");
    assert_eq!(token(&fixture.get_after_refusal("access-1-1").run()), "access-1-2");
    assert_eq!(token(&fixture.get_after_refusal("access-1-1").run()), "access-1-2", "it has been done already");
    assert_eq!(authority.log(), ["refresh 1-1"]);
    assert_eq!(fixture.print().run().key(), "access-1-2");
    assert_eq!(fixture.print().arg("--rejected").run().key(), "access-1-3");
    assert_eq!(authority.log(), ["refresh 1-1", "refresh 1-2"]);
}

#[test]
fn half_of_a_life_is_when_a_short_one_is_due() {
    let (fixture, authority) = fixture();
    authority.tokens_live(8);
    fixture.store_set(authority.grants(), 1, PAST);
    assert_eq!(fixture.token(), "access-1-2");
    // Whatever the jitter, of 8 s more than 4.4 are left now, and fewer than 3.6 after that.
    assert_eq!(fixture.token(), "access-1-2");
    thread::sleep(Duration::from_millis(5500));
    assert_eq!(fixture.token(), "access-1-3");
    assert!(authority.is_alive(1));
}

#[test]
fn while_it_still_lives_a_due_token_is_handed_out_if_no_other_can_be_had() {
    let faults = [Fault::Page(503), Fault::Closes, Fault::TooMany(3600), Fault::Json("{}")];
    thread::scope(|scope| {
        for fault in faults {
            scope.spawn(move || {
                let (fixture, authority) = fixture();
                authority.tokens_live(30);
                fixture.store_set(authority.grants(), 1, PAST);
                assert_eq!(fixture.token(), "access-1-2");
                thread::sleep(Duration::from_secs(18));
                authority.fails("/token", fault.clone(), usize::MAX);
                let output = fixture.get(&[]).run();
                output.exits(0);
                let answer = Answer::parse(&output.stdout);
                let expected = fixture.sandbox.secret("access-1-2");
                assert!(answer.get("credential") == Some(&expected), "{fault:?}: {:?}", answer.keys());
                authority.recovers();
                assert_eq!(token(&fixture.get_after_refusal("access-1-2").run()), "access-1-3", "{fault:?}");
            });
        }
    });
}

#[test]
fn every_fault_of_a_provider_has_an_exit_code_and_one_line() {
    // What no retry mends is the provider's fault all the same: 75, and never "sign in again" for what is not one's own.
    let faults = [
        (Fault::Page(500), 75),
        (Fault::Page(503), 75),
        (Fault::TooMany(1), 75),
        (Fault::TooMany(3600), 75),
        (Fault::Hangs, 75),
        (Fault::Crawls, 75),
        (Fault::Closes, 75),
        (Fault::Breaks, 75),
        (Fault::Json("{\"access_token\": "), 75),
        (Fault::Json("{\"access_token\": 7, \"token_type\": \"Bearer\"}"), 75),
        (Fault::Json("[]"), 75),
        (Fault::Json("{\"access_token\": \"sk\\u0000\", \"token_type\": \"Bearer\", \"expires_in\": 5}"), 75),
        (Fault::Page(200), 75),
        (Fault::Huge, 75),
        (Fault::Error(400, "invalid_grant"), 77),
        (Fault::Error(400, "invalid_scope"), 78),
        (Fault::Error(400, "unauthorized_client"), 78),
        (Fault::Error(401, "invalid_client"), 78),
        (Fault::Page(404), 78),
    ];
    let wrong = thread::scope(|scope| {
        let running = faults.map(|(fault, code)| scope.spawn(move || fails(&fault, code).err()));
        running.into_iter().filter_map(|one| one.join().expect("a thread")).collect::<Vec<String>>()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn fails(fault: &Fault, code: i32) -> Result<(), String> {
    let (fixture, authority) = fixture();
    fixture.store_set(authority.grants(), 1, PAST);
    authority.fails("/token", fault.clone(), usize::MAX);
    let (straight, through) = (fixture.get(&[]).run(), fixture.print().run());
    for output in [&straight, &through] {
        // Who it was: by the name that the user gave, or by the address that answered.
        let names = output.stderr.contains(PROVIDER) || output.stderr.contains(&authority.issuer());
        if output.code() != Some(code) || output.stderr.lines().count() != 1 || !names {
            return Err(format!("{fault:?} is to be {code}: {output:#?}"));
        }
    }
    let answer = Answer::parse(&straight.stdout);
    if answer.get("quit") != Some("1") || answer.get("credential").is_some() || !through.stdout.is_empty() {
        return Err(format!("{fault:?}: {straight:#?}"));
    }
    // Nothing is lost by it: whoever fails now can go on later.
    authority.recovers();
    let after = fixture.get(&[]).run();
    match (fault, after.code()) {
        // A provider that said so once has to be asked no more.
        (Fault::Error(_, "invalid_grant"), Some(77)) => Ok(()),
        (_, Some(0)) if authority.is_alive(1) && token(&after) == "access-1-2" => Ok(()),
        _ => Err(format!("after {fault:?}: {after:#?} {:?}", authority.log())),
    }
}

#[test]
fn what_fails_twice_and_then_works_has_not_failed() {
    for fault in [Fault::Page(503), Fault::TooMany(1), Fault::Closes] {
        let (fixture, authority) = fixture();
        fixture.store_set(authority.grants(), 1, PAST);
        authority.fails("/token", fault.clone(), 2);
        assert_eq!(fixture.token(), "access-1-2", "{fault:?}");
        assert_eq!(authority.log(), ["refresh 1-1"]);
    }
}

#[test]
fn nobody_follows_a_provider_elsewhere() {
    let (fixture, authority) = fixture();
    let elsewhere = Server::start(|_| claude_credential_tests::oauth::Reply::page(200, "welcome"));
    fixture.store_set(authority.grants(), 1, PAST);
    authority.fails("/token", Fault::Redirects(elsewhere.url("/token")), usize::MAX);
    let get = fixture.get(&[]).run();
    assert!(matches!(get.code(), Some(75 | 78)), "{get:#?}");
    get.error_line();
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
    authority.recovers();
    authority.fails("/.well-known", Fault::Redirects(elsewhere.url("/")), usize::MAX);
    let _ = fixture.get(&[]).run();
    assert!(elsewhere.asked().is_empty(), "{:?}", elsewhere.asked());
}

#[test]
fn a_provider_that_is_not_there_is_unavailable() {
    let fixture = Fixture::new();
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    fixture.people(&format!("http://{address}"), "");
    fixture.store_set(1, 1, PAST);
    fixture.get(&[]).run().exits(75).error_line();
    assert!(fixture.print().run().fails(75).contains(PROVIDER));
}

#[test]
fn a_grant_that_is_gone_is_kept_aside_and_its_owner_told_how_to_sign_in() {
    let (fixture, authority) = fixture();
    let grant = authority.grants();
    fixture.store_set(grant, 1, PAST);
    authority.revoke(grant);
    let get = fixture.get(&[]).run();
    assert_eq!(Answer::parse(&get.stdout).get("quit"), Some("1"));
    assert!(get.exits(77).error_line().contains(&format!("claude-credential login {PROVIDER}")));
    assert!(fixture.print().run().fails(77).contains(&format!("claude-credential login {PROVIDER}")));
    assert_eq!(authority.count("dead"), 1, "the provider is not asked again: {:?}", authority.log());
    let refresh = fixture.sandbox.secret("refresh-1-1");
    let kept = |file: &std::path::PathBuf| std::fs::read_to_string(file).is_ok_and(|text| text.contains(&refresh));
    assert!(fixture.sandbox.files_with_secrets().iter().any(kept), "it has to be kept aside");
    // A new set makes all good.
    fixture.store_grant(authority.grants());
    assert_eq!(fixture.token(), "access-2-1");
}

#[test]
fn a_clock_that_is_wrong_does_no_harm() {
    for ahead in [3600, -3600] {
        let (fixture, authority) = fixture();
        authority.server().is_ahead(ahead);
        authority.tokens_live(600);
        fixture.store_set(authority.grants(), 1, PAST);
        // What counts is how long the token lives, and the caller's clock is the one that an expiry is in.
        let output = fixture.get(&[]).run();
        assert_eq!(token(&output), "access-1-2");
        let until: u64 = Answer::parse(&output.stdout).get("password_expiry_utc").unwrap().parse().unwrap();
        assert!((now() + 500..=now() + 601).contains(&until), "{ahead}: {until} at {}", now());
        assert_eq!(fixture.token(), "access-1-2");
        assert_eq!(fixture.print().run().key(), "access-1-2");
        assert_eq!(authority.log(), ["refresh 1-1"], "{ahead}");
    }
}

#[test]
fn an_answer_that_is_lost_on_the_way_is_the_one_window_and_it_is_no_silent_loss() {
    let (fixture, authority) = fixture();
    fixture.store_set(authority.grants(), 1, PAST);
    authority.fails("/token", Fault::Loses, 1);
    let get = fixture.get(&[]).run();
    assert!(matches!(get.code(), Some(75 | 77)), "{get:#?}");
    get.error_line();
    let refresh = fixture.sandbox.secret("refresh-1-1");
    let kept = |file: &std::path::PathBuf| std::fs::read_to_string(file).is_ok_and(|text| text.contains(&refresh));
    assert!(fixture.sandbox.files_with_secrets().iter().any(kept));
}

#[test]
fn a_refresh_is_not_begun_with_less_of_the_deadline_left_than_it_may_take() {
    let (fixture, authority) = fixture();
    fixture.store_set(authority.grants(), 1, PAST);
    let deadline = format!("claude.deadline={}", (now() + 5) * 1000);
    let get = fixture.get(&[&deadline]).run();
    get.exits(75).error_line();
    assert_eq!(authority.log(), [] as [&str; 0]);
    assert_eq!(fixture.token(), "access-1-2");
}

#[test]
fn what_was_refreshed_is_stored_before_it_is_answered() {
    let (fixture, authority) = fixture();
    fixture.store_set(authority.grants(), 1, PAST);
    // A folder that nothing can be written to: the new set can't be kept, so it must not be had.
    let stored = fixture.sandbox.files_with_secrets().pop().expect("a file");
    let folder = stored.parent().expect("a folder");
    if claude_credential_tests::tool("chattr").is_none() || !immutable(folder, true) {
        claude_credential_tests::skip("a folder that can't be written to", "chattr does not work here");
        return;
    }
    let get = fixture.get(&[]).run();
    immutable(folder, false);
    assert_ne!(get.code(), Some(0), "{get:#?}");
    assert!(!get.stdout.contains("credential="), "{get:#?}");
    let log = authority.log();
    // Best is to find out before the provider rotates; what was rotated and not stored is lost.
    assert_eq!(log, [] as [&str; 0], "the provider was asked although the answer could not be kept");
    assert_eq!(fixture.token(), "access-1-2");
}

fn immutable(folder: &std::path::Path, on: bool) -> bool {
    let sign = if on { "+i" } else { "-i" };
    std::process::Command::new("chattr").arg(sign).arg(folder).status().is_ok_and(|status| status.success())
}

fn fixture() -> (Fixture, Authority) {
    let fixture = Fixture::new();
    let authority = Authority::start(&fixture.sandbox);
    fixture.people(&authority.issuer(), "");
    (fixture, authority)
}

#[test]
fn two_providers_and_two_accounts_do_not_know_each_other() {
    let (fixture, authority) = fixture();
    let other = Authority::start(&fixture.sandbox);
    fixture.sandbox.config(&format!(
        "[provider.acme]\nissuer = \"{}\"\nclient_id = \"acme-cli\"\nstore = \"file\"\n\
         [provider.other]\nissuer = \"{}\"\nclient_id = \"acme-cli\"\nstore = \"file\"\n",
        authority.issuer(),
        other.issuer()
    ));
    fixture.store_grant(authority.grants());
    let nothing: Output = fixture.sandbox.print().args(["--chain", "other"]).run();
    nothing.fails(77);
    assert_eq!(fixture.token(), "access-1-1");
    assert!(other.server().asked().is_empty());
}
