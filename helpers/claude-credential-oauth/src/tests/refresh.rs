//! When a token is renewed, and what becomes of every answer that a provider may give.

use std::time::{Duration, Instant};

use claude_credential_protocol::{Class, Request, now};

use super::server::{Reply, Server};
use super::signed_in::{age, forget_failures, rejecting, signed_in, store, token};
use super::{Fixture, anthropic, value};

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
        (Reply::error(400, "CANARY-code"), Class::Unavailable, "did not say why"),
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

#[test]
fn a_refresh_is_for_the_resource_that_the_user_named() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let section = format!("issuer = \"{}\"\nclient_id = \"c\"\nresource = \"https://gateway.example/\"", server.url);
    let fixture = Fixture::with_provider(&section, &[]);
    store(&fixture, "0", -10, true);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    assert_eq!(server.seen()[0].field("resource").as_deref(), Some("https://gateway.example/"));
}

#[test]
fn an_error_with_status_200_is_an_error() {
    for error in ["bad_refresh_token", "invalid_grant"] {
        let server = Server::start(vec![Reply::Json(200, format!(r#"{{"error":"{error}"}}"#))]);
        let fixture = signed_in(&server, -10);
        let error = fixture.get(&anthropic()).unwrap_err();
        assert!(
            error.class() == Class::SignIn && error.to_string().contains("claude-credential login acme"),
            "{error}"
        );
    }
    let whole = r#"{"error":"","access_token":"CANARY-access-1","token_type":"BEARER","expires_in":3600}"#;
    let server = Server::start(vec![Reply::Json(200, whole.to_owned())]);
    assert_eq!(token(&signed_in(&server, -10), &anthropic()).unwrap(), "CANARY-access-1");
}

#[test]
fn after_two_refusals_without_a_reason_the_user_is_to_sign_in_but_the_token_is_kept() {
    let unclear = || vec![Reply::Json(400, String::new()), Reply::Json(400, "{}".to_owned()), Reply::tokens(3, 3600)];
    let server = Server::start(unclear());
    let fixture = signed_in(&server, -10);
    let error = fixture.get(&anthropic()).unwrap_err();
    assert!(error.class() == Class::Unavailable && error.to_string().contains("did not say why"), "{error}");
    assert!(status(&fixture).contains("if it goes on, run: "), "{}", status(&fixture));
    doubt_grows_old(&fixture);
    let error = fixture.get(&anthropic()).unwrap_err();
    assert!(
        error.class() == Class::SignIn && error.to_string().contains("run: claude-credential login acme"),
        "{error}"
    );
    // A firewall may have been in between.
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-3");

    // A bad day is no end.
    let server = Server::start(vec![Reply::Json(403, "<p>no".to_owned()), Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, -10);
    assert_eq!(fixture.get(&anthropic()).unwrap_err().class(), Class::Unavailable);
    doubt_grows_old(&fixture);
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-1");
    assert!(status(&fixture).contains("a refresh is possible"), "{}", status(&fixture));
}

fn status(fixture: &Fixture) -> String {
    let (outcome, _, words) = super::commands::run(fixture, &["status"], None);
    outcome.unwrap();
    words
}

/// A minute passes since the provider refused.
fn doubt_grows_old(fixture: &Fixture) {
    forget_failures(fixture);
    let folder = fixture.home.path().join(".local/share/claude-credential/logins");
    let mut changed = 0;
    for file in std::fs::read_dir(folder).unwrap().flatten().map(|file| file.path()) {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let Some((before, after)) = text.split_once("doubted=") else { continue };
        let (at, after) = after.split_once('\n').unwrap();
        let at: u64 = at.parse().unwrap();
        std::fs::write(&file, format!("{before}doubted={}\n{after}", at - 60)).unwrap();
        changed += 1;
    }
    assert_eq!(changed, 1);
}
