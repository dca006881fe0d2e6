//! What is stored, when it is renewed, and what becomes of every answer that a provider may give.

use std::time::{Duration, Instant};

use claude_credential_http::{Body, Call};
use claude_credential_protocol::{Class, Error, Request, Secret, now};

use super::server::{Reply, Server};
use super::{Fixture, anthropic, value};
use crate::client::EACH;

fn provider(server: &Server) -> Fixture {
    Fixture::with_provider(&format!("issuer = \"{}\"\nclient_id = \"c\"", server.url), &[])
}

/// With tokens number 0, whose access token ends in `left` seconds.
fn signed_in(server: &Server, left: i64) -> Fixture {
    let fixture = provider(server);
    store(&fixture, "0", left, true);
    fixture
}

fn store(fixture: &Fixture, number: &str, left: i64, refresh: bool) {
    let until = (now() / 1000).saturating_add_signed(left);
    let refresh = if refresh { format!("oauth_refresh_token=CANARY-refresh-{number}\n") } else { String::new() };
    let message = format!(
        "capability[]=authtype\ncapability[]=claude.v1\nprotocol=https\nhost=api.anthropic.com\nauthtype=Bearer\n\
         credential=CANARY-access-{number}\npassword_expiry_utc={until}\n{refresh}\n"
    );
    fixture.serve("store", message.as_bytes()).unwrap();
}

fn token(fixture: &Fixture, request: &Request) -> Result<String, Error> {
    Ok(value(&fixture.get(request)?, "credential").unwrap_or_default().to_owned())
}

fn rejecting(secret: &str) -> Request {
    Request { rejected: Some(Secret::from(secret)), ..anthropic() }
}

#[test]
fn what_is_good_for_a_while_is_answered_and_nobody_is_asked() {
    let server = Server::start(Vec::new());
    let fixture = signed_in(&server, 3600);
    let answer = fixture.get(&anthropic()).unwrap();
    for (key, expected) in [
        ("authtype", "Bearer"),
        ("credential", "CANARY-access-0"),
        ("oauth_refresh_token", "CANARY-refresh-0"),
        ("claude.source", "provider:acme"),
    ] {
        assert_eq!(value(&answer, key), Some(expected), "{answer}");
    }
    assert!(value(&answer, "ephemeral").is_none() && value(&answer, "claude.header[]").is_none());
    assert!(server.seen().is_empty());
}

#[test]
fn what_is_over_is_renewed_and_the_new_refresh_token_kept() {
    let server = Server::start(vec![Reply::tokens(1, 0), Reply::tokens(2, 3600)]);
    let fixture = signed_in(&server, -10);
    // Tokens without a life: the next call renews again, with what the first one got.
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-2");
    let seen = server.seen();
    assert_eq!(seen[0].field("refresh_token").as_deref(), Some("CANARY-refresh-0"));
    assert_eq!(seen[1].field("refresh_token").as_deref(), Some("CANARY-refresh-1"));
    assert_eq!(seen[0].field("client_id").as_deref(), Some("c"));
    assert!(seen[0].line.starts_with("POST /token "), "{}", seen[0].line);
}

#[test]
fn a_refusal_renews_only_the_token_that_was_refused() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, 3600);
    assert_eq!(token(&fixture, &rejecting("CANARY-other")).unwrap(), "CANARY-access-0");
    assert!(server.seen().is_empty());
    assert_eq!(token(&fixture, &rejecting("CANARY-access-0")).unwrap(), "CANARY-access-1");
    assert_eq!(token(&fixture, &rejecting("CANARY-access-0")).unwrap(), "CANARY-access-1");
    assert_eq!(server.seen().len(), 1);
}

fn folder(fixture: &Fixture) -> std::path::PathBuf {
    fixture.home.path().join(".local/share/claude-credential/logins")
}

/// As if half a minute had gone by since the provider could not be asked.
fn forget_failures(fixture: &Fixture) {
    for file in std::fs::read_dir(folder(fixture)).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending == "failed") {
            std::fs::remove_file(file).unwrap();
        }
    }
}

/// Makes the stored token one that was had an hour ago and lives for `left` seconds yet.
fn age(fixture: &Fixture, left: u64) {
    let folder = folder(fixture);
    let is_set = |path: &std::path::PathBuf| path.extension().is_none();
    let file = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(is_set).unwrap();
    let here = now() / 1000;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line.split_once('=') {
            Some(("obtained", _)) => format!("obtained={}", here - 3600),
            Some(("password_expiry_utc", _)) => format!("password_expiry_utc={}", here + left),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(file, lines.join("\n") + "\n").unwrap();
}

#[test]
fn a_token_that_is_due_and_lives_is_handed_out_where_no_other_can_be_had() {
    let refusals = [
        Reply::Json(404, "CANARY".to_owned()),
        Reply::error(400, "invalid_client"),
        Reply::With(302, "Location: /\r\n", String::new()),
    ];
    for reply in refusals {
        let server = Server::start(vec![reply, Reply::tokens(1, 3600)]);
        let fixture = signed_in(&server, 3600);
        age(&fixture, 200);
        for _ in 0..2 {
            assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-0");
        }
        assert_eq!(server.seen().len(), 1, "for a while nobody tries again");
        age(&fixture, 0);
        assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    }
}

#[test]
fn a_token_is_due_five_minutes_before_its_end_or_as_long_as_the_caller_wants_it() {
    for (left, min_ttl, renewed) in
        [(400, 0, false), (200, 0, true), (400, 500, true), (2400, 9000, true), (4000, 9000, false)]
    {
        let server = Server::start(vec![Reply::tokens(1, 3600)]);
        let fixture = signed_in(&server, 3600);
        age(&fixture, left);
        let expected = if renewed { "CANARY-access-1" } else { "CANARY-access-0" };
        let answered = token(&fixture, &Request { min_ttl, ..anthropic() }).unwrap();
        // Whatever a caller wants, half of its life is the limit.
        assert_eq!(answered, expected, "{left} s left, {min_ttl} s wanted");
    }
}

#[test]
fn every_answer_of_a_provider_has_a_class_and_a_line_without_a_secret() {
    let large = "x".repeat(2 << 20);
    let cases: Vec<(Reply, Class, &str)> = vec![
        (Reply::error(400, "invalid_grant"), Class::SignIn, "run: claude-credential login acme"),
        (Reply::error(401, "invalid_client"), Class::Config, "config.toml:2: acme says invalid_client"),
        (Reply::error(400, "CANARY-code"), Class::Config, "answered 400"),
        (Reply::Json(404, "CANARY".to_owned()), Class::Config, "answered 404"),
        (Reply::With(302, "Location: http://127.0.0.1:1/CANARY\r\n", String::new()), Class::Unavailable, "redirect"),
        (Reply::Json(200, "{\"CANARY".to_owned()), Class::Unavailable, "is not the JSON"),
        (Reply::Json(200, "[]".to_owned()), Class::Unavailable, "is not the JSON"),
        (Reply::Json(200, large), Class::Unavailable, "more than 1048576 bytes"),
        (
            Reply::json(&serde_json::json!({"access_token": "CANARY with blanks"})),
            Class::Unavailable,
            "no access token",
        ),
        (
            Reply::json(&serde_json::json!({"access_token": "CANARY", "token_type": "DPoP"})),
            Class::Unavailable,
            "Bearer",
        ),
        (Reply::json(&serde_json::json!({"refresh": 1})), Class::Unavailable, "is not the JSON"),
        (Reply::With(429, "Retry-After: 3600\r\n", "CANARY".to_owned()), Class::Unavailable, "answered 429"),
    ];
    for (reply, class, says) in cases {
        let server = Server::start(vec![reply]);
        let error = token(&signed_in(&server, -10), &anthropic()).unwrap_err();
        let words = error.to_string();
        assert_eq!(error.class(), class, "{words}");
        assert!(words.contains(says) && !words.contains("CANARY"), "{says}: {words}");
        assert_eq!(server.seen().len(), 1, "{words}");
    }
}

#[test]
fn what_may_be_better_a_moment_later_is_asked_again() {
    let server = Server::start(vec![
        Reply::Json(503, String::new()),
        Reply::With(429, "Retry-After: 1\r\n", String::new()),
        Reply::tokens(1, 3600),
    ]);
    let start = Instant::now();
    assert_eq!(token(&signed_in(&server, -10), &anthropic()).unwrap(), "CANARY-access-1");
    assert!(start.elapsed() > Duration::from_secs(1));
}

#[test]
fn a_provider_that_hangs_is_given_up_in_time() {
    let server = Server::start(vec![Reply::Hang(Duration::from_secs(40)), Reply::Hang(Duration::from_secs(40))]);
    let fixture = signed_in(&server, -10);
    let start = Instant::now();
    let error = token(&fixture, &Request { deadline: Some(now() + 17_000), ..anthropic() }).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(17) && error.class() == Class::Unavailable, "{error}");
    assert!(error.to_string().ends_with("did not answer in time"), "{error}");
}

#[test]
fn a_grant_that_is_gone_is_kept_and_its_provider_not_asked_again() {
    let server = Server::start(vec![Reply::error(400, "invalid_grant")]);
    let fixture = signed_in(&server, -10);
    for _ in 0..2 {
        let error = token(&fixture, &anthropic()).unwrap_err();
        assert_eq!(error.class(), Class::SignIn, "{error}");
        assert!(error.to_string().ends_with("run: claude-credential login acme"), "{error}");
    }
    assert_eq!(server.seen().len(), 1);
    let folder = fixture.home.path().join(".local/share/claude-credential/logins");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<String> = files.filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    assert!(kept.iter().any(|text| text.contains("CANARY-refresh-0")), "it is not blanked");
    // Somebody signed in again elsewhere, and brings it.
    store(&fixture, "7", 3600, true);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-7");
}

#[test]
fn tokens_go_to_nobody_but_whom_they_are_from() {
    let server = Server::start(Vec::new());
    let fixture = signed_in(&server, -10);
    let other = Server::start(vec![Reply::tokens(1, 3600)]);
    fixture.configure(&format!("[provider.acme]\nissuer = \"{}\"\nclient_id = \"c\"", other.url));
    let error = token(&fixture, &anthropic()).unwrap_err();
    assert!(error.class() == Class::SignIn && other.seen().is_empty(), "{error}");
}

#[test]
fn what_we_replaced_is_not_kept_when_it_comes_back() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, -10);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    store(&fixture, "0", 7200, true);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
}

#[test]
fn erase_takes_the_access_token_and_leaves_what_renews_it() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, 3600);
    let erase = |secret: &str| {
        let message = format!(
            "capability[]=authtype\ncapability[]=claude.v1\nprotocol=https\nhost=api.anthropic.com\nauthtype=Bearer\n\
             credential={secret}\n\n"
        );
        fixture.serve("erase", message.as_bytes()).unwrap();
    };
    erase("CANARY-other");
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-0");
    erase("CANARY-access-0");
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    erase("CANARY-refresh-1");
    assert_eq!(token(&fixture, &anthropic()).unwrap_err().class(), Class::SignIn);
}

#[test]
fn git_gets_a_token_for_the_hosts_that_the_provider_lists_and_no_other() {
    let server = Server::start(Vec::new());
    let section = format!("issuer = \"{}\"\nclient_id = \"c\"\nhosts = [\"gateway.example\"]", server.url);
    let fixture = Fixture::with_provider(&section, &[]);
    store(&fixture, "0", 3600, false);
    let git = |host: &str| fixture.serve("get", format!("protocol=https\nhost={host}\n\n").as_bytes()).unwrap();
    assert!(git("gateway.example").contains("username=oauth2\npassword=CANARY-access-0\n"));
    for host in ["github.example", "gateway.example.", "xgateway.example"] {
        assert!(!git(host).contains("CANARY"), "{host}");
        let message = format!("protocol=https\nhost={host}\nusername=oauth2\npassword=CANARY-git\n\n");
        fixture.serve("store", message.as_bytes()).unwrap();
        fixture.serve("erase", message.replace("CANARY-git", "CANARY-access-0").as_bytes()).unwrap();
    }
    assert!(git("gateway.example").contains("password=CANARY-access-0\n"));
}

#[test]
fn only_anthropics_own_tokens_need_a_header() {
    let section = "token_endpoint = \"https://a.example/t\"\nauthorization_endpoint = \"https://a.example/a\"\n\
                   client_id = \"c\"\nanthropic = true";
    let fixture = Fixture::with_provider(section, &[]);
    store(&fixture, "0", 3600, false);
    let answer = fixture.get(&anthropic()).unwrap();
    assert_eq!(value(&answer, "claude.header[]"), Some("anthropic-beta: oauth-2025-04-20"));
}

#[test]
fn an_account_that_nobody_signed_in_is_no_other_account() {
    let server = Server::start(Vec::new());
    let fixture = signed_in(&server, 3600);
    let error = token(&fixture, &Request { username: Some("it's me".to_owned()), ..anthropic() }).unwrap_err();
    assert_eq!(error.class(), Class::SignIn);
    assert!(error.to_string().ends_with("claude-credential login acme --account 'it'\\''s me'"), "{error}");
}

#[test]
fn nothing_that_is_sent_or_answered_is_shown() {
    let json = serde_json::json!({ "a": "CANARY" });
    let fields = [("refresh_token", "CANARY")];
    for body in [Body::None, Body::Form(&fields), Body::Json(&json)] {
        let call = Call {
            url: "https://a.example/CANARY?CANARY",
            body,
            authorization: Some("CANARY".into()),
            ..Call::default()
        };
        assert!(!format!("{call:?}").contains("CANARY"), "{call:?}");
    }
    let server = Server::start(vec![Reply::Json(200, "CANARY".to_owned())]);
    let answer = Call { url: &server.url, ..Call::default() }.send(EACH).unwrap();
    assert!(format!("{answer:?}").contains("200") && !format!("{answer:?}").contains("CANARY"), "{answer:?}");
}

#[test]
fn what_no_header_can_hold_is_not_left_out() {
    let server = Server::start(vec![Reply::Json(200, "{}".to_owned())]);
    let call = Call { url: &server.url, authorization: Some("Bearer CANARY\n".into()), ..Call::default() };
    let error = call.send_with_retry(EACH, Instant::now() + EACH).unwrap_err();
    assert!(error.class() == Class::Config && !error.to_string().contains("CANARY"), "{error}");
    assert!(server.seen().is_empty());
}

#[test]
fn one_attempt_is_one_and_what_is_good_once_gets_no_second_without_its_whole_time() {
    let busy = || vec![Reply::Json(503, String::new()), Reply::Json(200, "{}".to_owned())];
    let call = |server: &Server, fields: &[(&str, &str)], whole: bool| {
        let call = Call { url: &server.url, body: Body::Form(fields), ..Call::default() };
        let answer = if whole { call.send(EACH) } else { call.send_with_retry(EACH, Instant::now() + EACH) };
        answer.unwrap().status
    };
    assert_eq!(call(&Server::start(busy()), &[("grant_type", "client_credentials")], true), 503);
    assert_eq!(call(&Server::start(busy()), &[("grant_type", "client_credentials")], false), 200);
    assert_eq!(call(&Server::start(busy()), &[("refresh_token", "CANARY")], false), 503);
    // Longer than anybody waits, and than the clock can count.
    let endless = Reply::With(429, "Retry-After: 18446744073709551615\r\n", String::new());
    assert_eq!(call(&Server::start(vec![endless]), &[], false), 429);
}

#[test]
fn a_refresh_token_that_comes_with_something_odd_is_kept_and_the_rest_told() {
    let odd = [
        serde_json::json!({"access_token": "CANARY-odd", "token_type": "DPoP", "refresh_token": "CANARY-refresh-9"}),
        serde_json::json!({"access_token": "x".repeat(100_000), "refresh_token": "CANARY-refresh-9"}),
        serde_json::json!({"access_token": 7, "refresh_token": "CANARY-refresh-9", "scope": ["CANARY"]}),
    ];
    for answer in odd {
        let server = Server::start(vec![Reply::json(&answer), Reply::tokens(1, 3600)]);
        let fixture = signed_in(&server, -10);
        let error = token(&fixture, &anthropic()).unwrap_err();
        assert!(error.class() == Class::Unavailable && !error.to_string().contains("CANARY"), "{error}");
        assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
        assert_eq!(server.seen()[1].field("refresh_token").as_deref(), Some("CANARY-refresh-9"));
    }
    // The old one is handed out as long as it lives, and the new refresh token is kept all the same.
    let odd = serde_json::json!({"access_token": "", "refresh_token": "CANARY-refresh-9"});
    let server = Server::start(vec![Reply::json(&odd), Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, 3600);
    age(&fixture, 200);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-0");
    forget_failures(&fixture);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    assert_eq!(server.seen()[1].field("refresh_token").as_deref(), Some("CANARY-refresh-9"));
}

#[test]
fn a_lifetime_that_is_none_is_unknown() {
    for life in [serde_json::json!("x"), serde_json::json!(-1), serde_json::json!([1])] {
        let answer = serde_json::json!({"access_token": "CANARY-access-1", "expires_in": life});
        let server = Server::start(vec![Reply::json(&answer)]);
        let answer = signed_in(&server, -10).get(&anthropic()).unwrap();
        assert_eq!(value(&answer, "credential"), Some("CANARY-access-1"));
        assert_eq!(value(&answer, "password_expiry_utc"), None);
    }
}

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

#[test]
fn who_brings_no_refresh_token_takes_none_away() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, -10);
    store(&fixture, "5", 3600, false);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-5");
    assert_eq!(token(&fixture, &rejecting("CANARY-access-5")).unwrap(), "CANARY-access-1");
    assert_eq!(server.seen()[0].field("refresh_token").as_deref(), Some("CANARY-refresh-0"));
    // What was before comes too late.
    store(&fixture, "0", 7200, true);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
}

#[test]
fn another_secret_does_not_erase_what_the_provider_took_back() {
    let server = Server::start(vec![Reply::error(400, "invalid_grant")]);
    let fixture = signed_in(&server, -10);
    token(&fixture, &anthropic()).unwrap_err();
    for (secret, left) in [("CANARY-other", true), ("CANARY-refresh-0", false)] {
        let message = format!(
            "capability[]=authtype\ncapability[]=claude.v1\nprotocol=https\nhost=api.anthropic.com\nauthtype=Bearer\n\
             credential={secret}\n\n"
        );
        fixture.serve("erase", message.as_bytes()).unwrap();
        let error = token(&fixture, &anthropic()).unwrap_err().to_string();
        assert_eq!(error.contains("invalid_grant"), left, "{error}");
    }
}

#[test]
fn a_refresh_is_for_the_resource_that_the_user_named() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let section = format!("issuer = \"{}\"\nclient_id = \"c\"\nresource = \"https://gateway.example/\"", server.url);
    let fixture = Fixture::with_provider(&section, &[]);
    store(&fixture, "0", -10, true);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    assert_eq!(server.seen()[0].field("resource").as_deref(), Some("https://gateway.example/"));
}
