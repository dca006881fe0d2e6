//! Tokens from anywhere: git's three words, for the helper of a provider.

use claude_credential_tests::oauth::{Authority, Fault, Fixture, NOT_GIT, PROVIDER, Stored, ask, now};
use claude_credential_tests::{Answer, request};

#[test]
fn what_is_stored_comes_back_with_its_expiry() {
    let (fixture, authority) = fixture();
    let until = now() + 7200;
    fixture.store(Stored { access: "access-1-1", refresh: Some("refresh-1-1"), until: Some(until) }).succeeds();
    let answer = Answer::parse(&fixture.get(&[]).run().succeeds().stdout);
    assert_eq!(answer.get("authtype"), Some("Bearer"));
    assert!(answer.get("credential") == Some(&fixture.sandbox.secret("access-1-1")));
    assert_eq!(answer.get("password_expiry_utc"), Some(until.to_string().as_str()));
    assert_eq!(answer.get("claude.kind"), Some("bearer"));
    assert!(answer.get("ephemeral").is_none());
    // Who refreshes it has it: it goes to nobody else unless he is marked for it.
    let refresh = answer.get("oauth_refresh_token");
    assert!(refresh.is_none() || refresh == Some(&fixture.sandbox.secret("refresh-1-1")));
    assert!(authority.server().asked().is_empty());
}

#[test]
fn git_s_words_store_and_get_a_token() {
    let (fixture, _authority) = fixture();
    // git asks for hosts that the user listed, and for no others.
    fixture.people("http://127.0.0.1:1", "hosts = [\"api.anthropic.com\"]");
    let token = fixture.sandbox.secret("access");
    let lines =
        ["username=oauth2".to_owned(), format!("password={token}"), format!("password_expiry_utc={}", now() + 900)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    fixture.helper(&["store"]).says(request("api.anthropic.com", &lines)).run().succeeds();
    let get = fixture.helper(&["get"]).says(request("api.anthropic.com", &[])).shows_secret().run();
    let answer = Answer::parse(&get.succeeds().stdout);
    assert!(answer.get("username") == Some("oauth2") && answer.get("password") == Some(&token), "{:?}", answer.keys());
    assert!(answer.keys().iter().all(|key| !key.starts_with("claude.")));
    let elsewhere = fixture.helper(&["get"]).says(request("evil.example", &[])).run();
    assert_eq!(Answer::parse(&elsewhere.succeeds().stdout).get("password"), None);
}

#[test]
fn erase_drops_the_access_token_and_the_refresh_token_stays() {
    let (fixture, authority) = fixture();
    fixture.store_grant(authority.grants());
    erase(&fixture, Some("access-9-9"));
    assert_eq!(fixture.token(), "access-1-1", "another secret erases nothing");
    erase(&fixture, Some("access-1-1"));
    assert_eq!(fixture.token(), "access-1-2", "the refresh token was there");
    assert_eq!(authority.log(), ["refresh 1-1"]);
}

#[test]
fn an_access_token_without_a_refresh_token_is_good_until_it_expires_or_is_erased() {
    let (fixture, authority) = fixture();
    fixture.store(Stored { access: "only", refresh: None, until: Some(now() + 900) }).succeeds();
    assert_eq!(fixture.token(), "only");
    erase(&fixture, Some("only"));
    needs_sign_in(&fixture);
    fixture.store(Stored { access: "only", refresh: None, until: Some(now() + 2) }).succeeds();
    assert_eq!(fixture.token(), "only");
    std::thread::sleep(std::time::Duration::from_secs(3));
    needs_sign_in(&fixture);
    fixture.store(Stored { access: "for-ever", refresh: None, until: None }).succeeds();
    assert_eq!(fixture.token(), "for-ever");
    assert_eq!(authority.count("refresh"), 0);
}

#[test]
fn a_provider_with_nothing_stored_wants_a_sign_in_and_the_built_in_login_has_none() {
    let (fixture, authority) = fixture();
    needs_sign_in(&fixture);
    let print = fixture.print().run();
    assert!(print.fails(77).contains(&format!("claude-credential login {PROVIDER}")));
    assert_eq!(fixture.sandbox.dispatcher(&["print", "--chain", "login"]).run().code(), Some(1));
    // The default provider is what the built-in entry means, as soon as somebody is signed in.
    fixture.people(&authority.issuer(), "default = true");
    assert_eq!(fixture.sandbox.dispatcher(&["print", "--chain", "login"]).run().code(), Some(1));
    fixture.store_grant(authority.grants());
    assert_eq!(fixture.sandbox.print().args(["--chain", "login"]).run().key(), "access-1-1");
    assert_eq!(fixture.sandbox.print().run().key(), "access-1-1", "the default chain has it");
    fixture.helper(&["erase"]).says(ask(&[])).run().exits(0);
    fixture.sandbox.dispatcher(&["logout", PROVIDER, "--local"]).run().exits(0);
    assert_eq!(fixture.sandbox.dispatcher(&["print", "--chain", "login"]).run().code(), Some(1));
}

#[test]
fn what_the_provider_rotates_is_rotated_in_the_store_and_a_stored_set_replaces_it() {
    let (fixture, authority) = fixture();
    fixture.store_set(authority.grants(), 1, 1_000_000_000);
    assert_eq!(fixture.token(), "access-1-2");
    fixture.store_grant(authority.grants());
    assert_eq!(fixture.token(), "access-2-1");
    assert_eq!(fixture.print().run().key(), "access-2-1");
    assert_eq!(authority.log(), ["refresh 1-1"]);
}

#[test]
fn a_store_that_says_nothing_of_a_refresh_token_leaves_the_one_that_is_there() {
    // git's own `approve` after our answer: it has dropped what it does not know.
    let (fixture, authority) = fixture();
    fixture.store_grant(authority.grants());
    fixture.store(Stored { access: "access-1-1", refresh: None, until: Some(now() + 3600) }).exits(0);
    assert_eq!(fixture.token(), "access-1-1");
    let after = fixture.get_after_refusal("access-1-1").run();
    assert_eq!(claude_credential_tests::oauth::token(&after), "access-1-2");
}

#[test]
fn what_is_not_to_be_kept_is_not_kept() {
    let (fixture, _authority) = fixture();
    let secret = format!("credential={}", fixture.sandbox.secret("ephemeral"));
    fixture.helper(&["store"]).says(ask(&["authtype=Bearer", &secret, "ephemeral=1"])).run().exits(0);
    needs_sign_in(&fixture);
    assert!(fixture.sandbox.files_with_secrets().is_empty());
}

#[test]
fn a_store_that_is_rubbish_is_refused_or_ignored_and_nothing_is_shown() {
    let (fixture, authority) = fixture();
    fixture.store_grant(authority.grants());
    let secret = fixture.sandbox.secret("rubbish");
    for lines in [
        vec!["credential=".to_owned(), "authtype=Bearer".to_owned()],
        vec![format!("password={secret}\0")],
        vec![format!("credential={secret}"), "authtype=Bearer".to_owned(), "password_expiry_utc=soon".to_owned()],
    ] {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let store = fixture.helper(&["store"]).says(ask(&lines)).run();
        assert!(matches!(store.code(), Some(0 | 65)), "{store:#?}");
        assert_eq!(fixture.token(), "access-1-1");
    }
}

#[test]
fn a_live_check_asks_the_provider() {
    let (fixture, authority) = fixture();
    fixture.store_grant(authority.grants());
    let asked = authority.server().asked().len();
    let live = fixture.get(&["claude.check=live"]).run();
    live.exits(0);
    assert!(authority.server().asked().len() > asked, "nobody was asked");
    authority.fails("/token", Fault::Error(400, "invalid_grant"), usize::MAX);
    fixture.get(&["claude.check=live"]).run().exits(77);
}

#[test]
fn the_header_for_oauth_is_named_for_anthropic_s_tokens_alone() {
    let (fixture, authority) = fixture();
    fixture.store_grant(authority.grants());
    let formats = ["headers-json", "curl"];
    let shown = |fixture: &Fixture| {
        formats.map(|format| fixture.print().args(["--format", format]).run().exits(0).stdout.clone())
    };
    assert!(shown(&fixture).iter().all(|text| text.contains("access-1-1") && !text.contains("anthropic-beta")));
    assert_eq!(api_key_helper(&fixture).key(), "access-1-1", "the client can send it as a key");
    fixture.people(&authority.issuer(), "anthropic = true");
    assert!(shown(&fixture).iter().all(|text| text.contains("access-1-1") && text.contains("oauth-2025-04-20")));
    let passed_over = api_key_helper(&fixture);
    assert!(!passed_over.fails(78).is_empty(), "the client can't send the header with it");
}

fn api_key_helper(fixture: &Fixture) -> claude_credential_tests::Output {
    let config = std::fs::read_to_string(fixture.sandbox.config_file()).expect("config.toml");
    if !config.contains("[profile.default]") {
        fixture.sandbox.config(&format!("[profile.default]\nchain = [\"{PROVIDER}\"]\n\n{config}"));
    }
    fixture.sandbox.dispatcher(&["api-key-helper"]).shows_secret().run()
}

fn erase(fixture: &Fixture, token: Option<&str>) {
    let mut lines = vec!["authtype=Bearer".to_owned()];
    lines.extend(token.map(|name| format!("credential={}", fixture.sandbox.secret(name))));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = request("api.anthropic.com", &[&NOT_GIT[..], &lines].concat());
    fixture.helper(&["erase"]).says(text).run().succeeds();
}

#[track_caller]
fn needs_sign_in(fixture: &Fixture) {
    let get = fixture.helper(&["get"]).says(ask(&[])).run();
    let said = get.exits(77).error_line();
    assert!(said.contains(&format!("claude-credential login {PROVIDER}")), "{said}");
}

fn fixture() -> (Fixture, Authority) {
    let fixture = Fixture::new();
    let authority = Authority::start(&fixture.sandbox);
    fixture.people(&authority.issuer(), "");
    (fixture, authority)
}
