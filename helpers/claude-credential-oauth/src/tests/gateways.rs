//! What gateways and their providers want beyond the usual.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_protocol::{Class, now};
use reqwest::Url;

use super::commands::{parameter, paste, provider, run};
use super::server::{Reply, Server};
use super::signed_in::rejecting;
use super::{Fixture, anthropic, value};
use crate::client_assertion::tests::EC;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn id_token(claims: &serde_json::Value) -> String {
    format!("e30.{}.Q0FOQVJZ", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn the_id_token_is_handed_out_where_the_user_says_so() {
    let server = Arc::new(Server::start(Vec::new()));
    let fixture = provider(&server, "token = \"id\"");
    let answering = Arc::clone(&server);
    let sign_in = move |url: &Url| {
        let claims = serde_json::json!({ "iat": 1000, "exp": 2000, "sub": "alice", "nonce": parameter(url, "nonce") });
        answering.will(Reply::json(&serde_json::json!({
            "access_token": "CANARY-access", "id_token": id_token(&claims), "expires_in": 9,
            "refresh_token": "CANARY-refresh",
        })));
        format!("CODE#{}", parameter(url, "state"))
    };
    let before = now() / 1000;
    paste(&fixture, &["login", "--no-browser"], sign_in).0.unwrap();
    let answer = fixture.get(&anthropic()).unwrap();
    let first = value(&answer, "credential").unwrap().to_owned();
    assert!(first.starts_with("e30.") && !answer.contains("CANARY-access"), "{answer}");
    // As long as the ID token is good, by the provider's clock and from now on.
    let until: u64 = value(&answer, "password_expiry_utc").unwrap().parse().unwrap();
    assert!((before + 1000..before + 1030).contains(&until), "{until} {before}");

    let second = id_token(&serde_json::json!({ "iat": 1000, "exp": 9000, "sub": "alice" }));
    server.will(Reply::json(&serde_json::json!({ "access_token": "CANARY-access", "id_token": second })));
    assert_eq!(value(&fixture.get(&rejecting(&first)).unwrap(), "credential"), Some(second.as_str()));

    // What was had as the one is not handed out as the other.
    let config = fixture.home.path().join(".config/claude-credential/config.toml");
    let without = fs::read_to_string(&config).unwrap().replace("token = \"id\"", "");
    fixture.configure(&without);
    assert_eq!(fixture.get(&anthropic()).unwrap_err().class(), Class::SignIn);
}

#[test]
fn an_answer_without_an_id_token_is_told_and_its_refresh_token_kept() {
    let server = Arc::new(Server::start(Vec::new()));
    let fixture = provider(&server, "token = \"id\"");
    let answering = Arc::clone(&server);
    let sign_in = move |url: &Url| {
        let claims = serde_json::json!({ "iat": 1000, "exp": 1000, "nonce": parameter(url, "nonce") });
        answering.will(Reply::json(&serde_json::json!({ "id_token": id_token(&claims), "refresh_token": "CANARY-r" })));
        answering.will(Reply::tokens(7, 3600));
        answering.will(Reply::Json(200, String::new()));
        format!("CODE#{}", parameter(url, "state"))
    };
    paste(&fixture, &["login", "--no-browser"], sign_in).0.unwrap();
    let error = fixture.get(&anthropic()).unwrap_err();
    assert!(error.class() == Class::Unavailable && error.to_string().contains("no ID token"), "{error}");
    // An ID token is nothing that a provider revokes.
    run(&fixture, &["logout"], None).0.unwrap();
    let revoked: Vec<_> = server.seen()[2..].iter().map(|seen| seen.field("token")).collect();
    assert_eq!(revoked, [Some("CANARY-refresh-7".to_owned())]);
}

#[test]
fn a_client_proves_itself_with_a_key_or_with_what_another_signed() {
    let section = |server: &Server, line: &str| {
        let lines = format!("issuer = \"{}\"\nclient_id = \"c\"\n{line}", server.url);
        let fixture = Fixture::with_provider(&format!("flow = \"client-credentials\"\n{lines}"), &[]);
        let files = [("key.pem", EC, 0o600), ("assertion", "a.CANARY.c\n", 0o644), ("no-key", "CANARY", 0o600)];
        for (name, text, mode) in files {
            let file = fixture.home.path().join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        }
        fixture
    };
    for (line, is_ours) in [
        ("client_key_file = \"~/key.pem\"\nclient_key_id = \"k1\"", true),
        ("client_assertion_file = \"~/assertion\"", false),
    ] {
        let server = Server::start(vec![Reply::tokens(1, 3600)]);
        let answer = section(&server, line).get(&anthropic()).unwrap();
        assert_eq!(value(&answer, "credential"), Some("CANARY-access-1"));
        let seen = &server.seen()[0];
        assert_eq!(seen.field("client_id").as_deref(), Some("c"));
        assert_eq!(seen.field("client_assertion_type").as_deref(), Some(ASSERTION_TYPE));
        let assertion = seen.field("client_assertion").unwrap();
        assert_eq!(assertion == "a.CANARY.c", !is_ours, "{assertion}");
        if is_ours {
            let claims = BASE64_URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap();
            let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
            assert_eq!(claims["aud"], format!("{}/token", server.url));
        }
    }
    let server = Server::start(Vec::new());
    for (line, says) in [
        ("client_key_file = \"~/no-key\"", "no private key in PEM"),
        ("client_key_file = \"~/missing\"", "does not exist"),
        ("client_assertion_file = \"~/missing\"", "does not exist"),
    ] {
        let error = section(&server, line).get(&anthropic()).unwrap_err();
        assert!(error.class() == Class::Config && error.to_string().contains(says), "{error}");
        assert!(!error.to_string().contains("CANARY"), "{error}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn parameters_are_pushed_where_the_provider_wants_that() {
    let server = Arc::new(Server::start(vec![
        Reply::Json(201, r#"{"request_uri":"urn:x:1","expires_in":60}"#.to_owned()),
        Reply::tokens(1, 3600),
    ]));
    let endpoint = format!("pushed_authorization_request_endpoint = \"{}/par\"", server.url);
    let fixture = provider(&server, &format!("{endpoint}\nresource = \"https://gateway.example\""));
    let (asking, address) = (Arc::clone(&server), Arc::new(Mutex::new(String::new())));
    let shown = Arc::clone(&address);
    let (outcome, _) = paste(&fixture, &["login", "--no-browser"], move |url: &Url| {
        url.as_str().clone_into(&mut shown.lock().unwrap());
        format!("CODE#{}", asking.seen()[0].field("state").unwrap())
    });
    outcome.unwrap();
    let address = address.lock().unwrap().clone();
    assert!(address.ends_with("/authorize?client_id=c&request_uri=urn%3Ax%3A1"), "{address}");
    let seen = server.seen();
    assert!(seen[0].line.starts_with("POST /par "), "{}", seen[0].line);
    for (name, expected) in [
        ("client_id", "c"),
        ("response_type", "code"),
        ("code_challenge_method", "S256"),
        ("resource", "https://gateway.example"),
    ] {
        assert_eq!(seen[0].field(name).as_deref(), Some(expected), "{name}");
    }
    assert_eq!(seen[1].field("resource").as_deref(), Some("https://gateway.example"));

    server.will(Reply::error(400, "invalid_scope"));
    let error = run(&fixture, &["login", "--no-browser"], None).0.unwrap_err();
    assert!(error.class() == Class::Config && error.to_string().contains("`scopes`"), "{error}");
}

#[test]
fn the_way_to_a_provider_is_its_own_setting() {
    const SECTION: &str = "flow = \"client-credentials\"\ntoken_endpoint = \"https://login.acme.example/token\"\n\
                           client_id = \"c\"\nclient_secret_variable = \"V\"";
    let with = |line: &str| {
        let fixture = Fixture::with_provider(&format!("{SECTION}\n{line}"), &[("V", "CANARY")]);
        fs::write(fixture.home.path().join("ca.der"), b"0\x82CANARY").unwrap();
        fixture.get(&anthropic()).unwrap_err()
    };
    for (line, says) in
        [("ca_file = \"~/ca.pem\"", "ca.pem does not exist"), ("ca_file = \"~/ca.der\"", "has no certificate in PEM")]
    {
        let error = with(line);
        assert!(error.class() == Class::Config && error.to_string().contains(says), "{error}");
    }
    // A proxy that notes where it is to lead.
    let proxy = Server::start(Vec::new());
    with(&format!("proxy = \"{}\"", proxy.url));
    assert!(proxy.seen()[0].line.starts_with("CONNECT login.acme.example:443 "), "{:?}", proxy.seen()[0].line);
}
