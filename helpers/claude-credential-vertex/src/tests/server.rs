use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use reqwest::Url;

/// How the server answers one request.
pub(super) enum Reply {
    Json(u16, String),
    With(u16, &'static str, String),
    /// Keeps the connection open and sends nothing.
    Never,
}

/// A server on loopback that sends the given replies in order and records the requests.
pub(super) struct Server {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<RecordedRequest>>>,
}

/// A request: its first line, headers and body.
#[derive(Debug, Clone)]
pub(super) struct RecordedRequest {
    pub(super) line: String,
    pub(super) headers: String,
    pub(super) body: String,
}

impl RecordedRequest {
    /// The value of a form field.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let url = Url::parse(&format!("http://x/?{}", self.body)).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Reply {
    /// A token that is valid for an hour.
    pub(super) fn token(token: &str) -> Self {
        let body = serde_json::json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 });
        Self::Json(200, body.to_string())
    }

    /// A token of an impersonated service account.
    pub(super) fn impersonated(token: &str) -> Self {
        let body = serde_json::json!({ "accessToken": token, "expireTime": "2099-01-01T00:00:00Z" });
        Self::Json(200, body.to_string())
    }

    pub(super) fn refusal(error: &str, subtype: Option<&str>) -> Self {
        let description = "CANARY was sent to us";
        let body = serde_json::json!({ "error": error, "error_subtype": subtype, "error_description": description });
        Self::Json(400, body.to_string().replace("\"error_subtype\":null", "\"x\":0"))
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Json(200, text.to_owned())
    }

    /// A reply of the metadata server.
    pub(super) fn google(text: &str) -> Self {
        Self::With(200, "Metadata-Flavor: Google\r\n", text.to_owned())
    }
}

impl Server {
    pub(super) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { url, requests: Arc::default() };
        let requests = Arc::clone(&server.requests);
        let mut replies = replies.into_iter();
        let mut silent = Vec::new();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let Some(seen) = read(&mut stream) else { continue };
                requests.lock().unwrap().push(seen);
                match replies.next().unwrap_or_else(|| Reply::Json(418, String::new())) {
                    Reply::Json(status, body) => write(&mut stream, status, "", &body),
                    Reply::With(status, header, body) => write(&mut stream, status, header, &body),
                    Reply::Never => silent.push(stream),
                }
            }
        });
        server
    }

    /// The host and port for variables.
    pub(super) fn host(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub(super) fn seen(&self) -> Vec<RecordedRequest> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Option<RecordedRequest> {
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
            return Some(RecordedRequest { line: line.to_owned(), headers: headers.to_owned(), body: body.to_owned() });
        }
    }
}

fn write(stream: &mut TcpStream, status: u16, header: &str, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{header}\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
