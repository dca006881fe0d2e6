//! What a provider answers in a sign-in, and which of it counts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, mpsc};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_protocol::{Class, Error};
use reqwest::Url;

use super::commands::{parameter, paste, provider};
use super::server::{Reply, Server};
use super::{anthropic, value};

/// A sign-in whose ID token has the nonce that `nonce` makes of the one in the address.
fn with_nonce(nonce: fn(String) -> Option<String>) -> Result<String, Error> {
    let server = Arc::new(Server::start(Vec::new()));
    let fixture = provider(&server, "");
    let answering = Arc::clone(&server);
    let (outcome, said) = paste(&fixture, &["login", "--no-browser"], move |url: &Url| {
        let asked = parameter(url, "nonce");
        assert_eq!(asked.len(), 43, "{url}");
        let claims = serde_json::json!({ "sub": "alice", "nonce": nonce(asked) }).to_string();
        let id = format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims));
        answering.will(Reply::json(&serde_json::json!({ "access_token": "CANARY-access-1", "id_token": id })));
        format!("CODE#{}", parameter(url, "state"))
    });
    outcome?;
    assert!(said.contains("signed in to acme as alice"), "{said}");
    Ok(value(&fixture.get(&anthropic()).unwrap(), "credential").unwrap().to_owned())
}

#[test]
fn a_sign_in_with_openid_has_a_nonce_and_no_other_sign_in_s_id_token_counts() {
    assert_eq!(with_nonce(Some).unwrap(), "CANARY-access-1");
    for another in [|_| None, |nonce: String| Some(nonce.to_lowercase() + "x")] {
        let error = with_nonce(another).unwrap_err();
        assert!(error.class() == Class::SignIn && error.to_string().contains("another sign-in"), "{error}");
    }
}

#[test]
fn without_openid_there_is_no_nonce() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let section = format!("issuer = \"{}\"\nclient_id = \"c\"\nscopes = [\"inference\"]", server.url);
    let fixture = super::Fixture::with_provider(&section, &[]);
    let (outcome, _) = paste(&fixture, &["login", "--no-browser"], |url: &Url| {
        assert_eq!(parameter(url, "nonce"), "", "{url}");
        format!("CODE#{}", parameter(url, "state"))
    });
    outcome.unwrap();
}

/// Signs in with a browser that comes back to the callback with these queries, one after the other. `STATE` stands for
/// the sign-in's own. What it was shown for the last one comes third.
fn visiting(more: &str, server: &Server, queries: &'static [&'static str]) -> (Result<(), Error>, String, String) {
    let fixture = provider(server, more);
    let (sender, pages) = mpsc::channel();
    let (outcome, said) = paste(&fixture, &["login", "--no-browser"], move |url: &Url| {
        let (redirect, state) = (Url::parse(&parameter(url, "redirect_uri")).unwrap(), parameter(url, "state"));
        let sender = sender.clone();
        thread::spawn(move || {
            let address = format!("{}:{}", redirect.host_str().unwrap(), redirect.port().unwrap());
            for query in queries {
                let query = query.replace("STATE", &state);
                let mut stream = TcpStream::connect(&address).unwrap();
                write!(stream, "GET {}?{query} HTTP/1.1\r\nHost: {address}\r\n\r\n", redirect.path()).unwrap();
                let mut page = String::new();
                let _ = stream.read_to_string(&mut page);
                sender.send(page).unwrap();
            }
        });
        String::new()
    });
    let pages: Vec<String> = queries.iter().map_while(|_| pages.recv().ok()).collect();
    (outcome, said, pages.last().cloned().unwrap_or_default())
}

#[test]
fn what_the_browser_brings_is_told_at_the_terminal_and_in_the_browser() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let (outcome, said, page) = visiting("", &server, &["code=CANARY&state=another", "code=CODE&state=STATE"]);
    outcome.unwrap();
    assert!(said.contains("from another sign-in, and was turned away"), "{said}");
    assert!(page.contains("<title>Signed in to acme</title>") && page.contains("close this window"), "{page}");

    let refused: &[&str] = &["error=invalid_scope&error_description=no%20such%20<b>scope&state=STATE"];
    let (outcome, _, page) = visiting("", &server, refused);
    let error = outcome.unwrap_err();
    assert!(error.class() == Class::Config && error.to_string().contains("mend `scopes`"), "{error}");
    assert!(error.to_string().contains("config.toml:2: acme refused the sign-in: invalid_scope (no such <b>scope)"));
    assert!(page.contains("Not signed in to acme") && page.contains("no such &lt;b&gt;scope"), "{page}");

    server.will(Reply::error(400, "invalid_grant"));
    let (outcome, _, page) = visiting("", &server, &["code=CODE&state=STATE"]);
    assert_eq!(outcome.unwrap_err().class(), Class::SignIn);
    assert!(page.contains("Not signed in to acme") && page.contains("invalid_grant"), "{page}");
}
