//! What is stored and erased, and to whom it goes.

use claude_credential_protocol::{Class, Request};

use super::server::{Reply, Server};
use super::signed_in::{rejecting, signed_in, store, token};
use super::{Fixture, anthropic, value};

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
fn tokens_go_to_no_endpoint_but_that_which_they_are_from() {
    let server = Server::start(Vec::new());
    let fixture = signed_in(&server, -10);
    let other = Server::start(vec![Reply::tokens(1, 3600)]);
    let issuer = format!("[provider.acme]\nissuer = \"{}\"\nclient_id = \"c\"", server.url);
    fixture.configure(&format!("{issuer}\ntoken_endpoint = \"{}/token\"", other.url));
    for request in [anthropic(), rejecting("CANARY-access-0")] {
        let error = token(&fixture, &request).unwrap_err();
        assert!(error.class() == Class::SignIn && error.to_string().contains("`token_endpoint`"), "{error}");
    }
    assert!(other.seen().is_empty());
    fixture.configure(&issuer);
    server.will(Reply::tokens(2, 3600));
    assert_eq!(token(&fixture, &anthropic()).unwrap(), "CANARY-access-2");
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
fn a_revocation_endpoint_that_is_added_takes_no_refresh_token_away() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let fixture = signed_in(&server, -10);
    let file = fixture.home.path().join(".config/claude-credential/config.toml");
    let text = std::fs::read_to_string(file).unwrap();
    fixture.configure(&format!("{text}\nrevocation_endpoint = \"https://acme.example/revoke\"\n"));
    store(&fixture, "5", 3600, false);
    assert_eq!(token(&fixture, &rejecting("CANARY-access-5")).unwrap(), "CANARY-access-1");
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
