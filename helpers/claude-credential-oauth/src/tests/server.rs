use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use reqwest::Url;

/// What a server does with one request.
pub(super) enum Reply {
    Json(u16, String),
    With(u16, &'static str, String),
    /// Nothing, for so long.
    Hang(Duration),
}

/// A server on loopback that gives the replies it was told, in their order, and notes what it was asked. Discovery it
/// answers by itself.
pub(super) struct Server {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Seen>>>,
    replies: Arc<Mutex<Vec<Reply>>>,
}

/// One request: the line, the headers, the body.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) line: String,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Seen {
    /// A field of a form.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let url = Url::parse(&format!("http://x/?{}", self.body)).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl Reply {
    pub(super) fn json(value: &serde_json::Value) -> Self {
        Self::Json(200, value.to_string())
    }

    /// Tokens number `number` that live so long.
    pub(super) fn tokens(number: u32, life: u64) -> Self {
        Self::json(&serde_json::json!({
            "access_token": format!("CANARY-access-{number}"), "token_type": "Bearer", "expires_in": life,
            "refresh_token": format!("CANARY-refresh-{number}"), "scope": "openid",
        }))
    }

    pub(super) fn error(status: u16, error: &str) -> Self {
        let body = serde_json::json!({ "error": error, "error_description": "CANARY was sent to us" });
        Self::Json(status, body.to_string())
    }
}

impl Server {
    pub(super) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, requests: Arc::default(), replies: Arc::new(Mutex::new(replies)) };
        let (url, requests, replies) = (server.url.clone(), Arc::clone(&server.requests), Arc::clone(&server.replies));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(seen) = read(&mut stream) else { continue };
                if seen.line.contains("/.well-known/openid-configuration") {
                    write(&mut stream, 200, "", &discovery(&url));
                    continue;
                }
                requests.lock().unwrap().push(seen);
                let reply = {
                    let mut replies = replies.lock().unwrap();
                    if replies.is_empty() { Reply::Json(418, String::new()) } else { replies.remove(0) }
                };
                match reply {
                    Reply::Json(status, body) => write(&mut stream, status, "", &body),
                    Reply::With(status, header, body) => write(&mut stream, status, header, &body),
                    Reply::Hang(span) => thread::sleep(span),
                }
            }
        });
        server
    }

    /// What it was asked besides its endpoints.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn will(&self, reply: Reply) {
        self.replies.lock().unwrap().push(reply);
    }
}

fn discovery(url: &str) -> String {
    serde_json::json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "device_authorization_endpoint": format!("{url}/device"), "revocation_endpoint": format!("{url}/revoke"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    })
    .to_string()
}

fn read(stream: &mut std::net::TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            let (line, headers) = head.split_once("\r\n")?;
            return Some(Seen { line: line.to_owned(), headers: headers.to_owned(), body: body.to_owned() });
        }
    }
}

fn write(stream: &mut std::net::TcpStream, status: u16, header: &str, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{header}\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
