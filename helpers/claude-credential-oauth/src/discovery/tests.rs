use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_config::{Flow, Provider};
use claude_credential_protocol::{Class, Error};

use super::{Endpoint, Endpoints};

#[test]
fn a_page_where_one_document_could_be_leads_to_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let document = format!(
        r#"{{"issuer":"{url}","token_endpoint":"{url}/token","authorization_response_iss_parameter_supported":true}}"#
    );
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let is_second = String::from_utf8_lossy(&request[..read]).contains("oauth-authorization-server");
            let body = if is_second { document.as_str() } else { "<p>CANARY" };
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    let provider = Provider { issuer: Some(url.clone()), ..Provider::new("acme", "/c:1", Flow::default()) };
    let endpoints = Endpoints::of(&provider, &[Endpoint::Token], Instant::now() + Duration::from_secs(20)).unwrap();
    assert_eq!(endpoints.get(Endpoint::Token), Some(format!("{url}/token").as_str()));
    assert!(endpoints.says_issuer);
}

/// What is found at a server that answers `respond(url, path)`: a status line with headers, and a body.
fn found(respond: impl Fn(&str, &str) -> (String, String) + Send + 'static) -> Result<Endpoints, Error> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let base = url.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let (head, body) = respond(&base, request.split(' ').nth(1).unwrap_or_default());
            let length = body.len();
            let head = format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    let provider = Provider { issuer: Some(url), ..Provider::new("acme", "/c:1", Flow::default()) };
    Endpoints::of(&provider, &[Endpoint::Token], Instant::now() + Duration::from_secs(20))
}

fn document(issuer: &str) -> String {
    format!(r#"{{"issuer":"{issuer}","token_endpoint":"https://a.example/token"}}"#)
}

#[test]
fn a_redirect_of_a_document_stays_on_its_host() {
    let ok = |body: String| ("200 OK".to_owned(), body);
    let nothing = || ("404 No".to_owned(), String::new());
    let moved = |to: String| (format!("302 Moved\r\nLocation: {to}"), String::new());
    let here = found(move |url, path| match path {
        "/.well-known/openid-configuration" => moved("/elsewhere".to_owned()),
        "/elsewhere" => ok(document(url)),
        _ => nothing(),
    });
    assert!(here.unwrap().get(Endpoint::Token).is_some());
    let other = found(move |url, path| match path {
        "/.well-known/openid-configuration" => moved("https://evil.example/x".to_owned()),
        "/.well-known/oauth-authorization-server" => ok(document(url)),
        _ => nothing(),
    });
    assert!(other.unwrap().get(Endpoint::Token).is_some());
    let never = found(move |_, path| moved(path.to_owned())).unwrap_err();
    assert!(never.to_string().contains("publishes no endpoints (it answered 302)"), "{never}");
}

#[test]
fn a_server_that_breaks_on_one_document_is_asked_for_the_other() {
    let busy = || ("503 Busy\r\nRetry-After: 0".to_owned(), String::new());
    let second = found(move |url, path| match path {
        "/.well-known/oauth-authorization-server" => ("200 OK".to_owned(), document(url)),
        _ => busy(),
    });
    assert!(second.unwrap().get(Endpoint::Token).is_some());
    let error =
        found(move |_, path| if path.ends_with("server") { ("404 No".to_owned(), String::new()) } else { busy() });
    let error = error.unwrap_err();
    assert!(error.class() == Class::Unavailable && error.to_string().contains("answered 503"), "{error}");
}

#[test]
fn another_issuer_is_shown_as_it_calls_itself() {
    let error = found(|url, _| ("200 OK".to_owned(), document(&format!("{url}/")))).unwrap_err().to_string();
    assert!(
        error.contains("says that its issuer is http://127.0.0.1:") && error.contains("/, which is not"),
        "{error}"
    );
}
