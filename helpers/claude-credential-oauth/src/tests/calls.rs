//! Requests to a provider: what they show, and how often they are sent.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_http::{Body, Call};
use claude_credential_protocol::Class;

use super::server::{Reply, Server};
use crate::client::EACH;

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
fn a_server_that_is_gone_after_it_was_busy_is_not_asked_until_the_deadline() {
    static PAUSES: AtomicU32 = AtomicU32::new(0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    let count = || {
        PAUSES.fetch_add(1, Ordering::Relaxed);
    };
    let call = Call { url: &url, before_pause: Some(count), ..Call::default() };
    let error = call.send_with_retry(EACH, Instant::now() + Duration::from_mins(1)).unwrap_err();
    server.join().unwrap();
    assert!(error.to_string().contains("can't be reached"), "{error}");
    assert_eq!(PAUSES.load(Ordering::Relaxed), 3, "one after each 503");
}
