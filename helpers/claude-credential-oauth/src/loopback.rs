//! The way back from the browser: one answer on 127.0.0.1, with the state that we sent.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_protocol::{Error, Secret};
use reqwest::Url;

use crate::client::code;

/// No browser's request is longer.
const MAX_REQUEST: usize = 16 * 1024;

/// Browsers open connections that they may need later; such a one is not waited for long.
const PATIENCE: Duration = Duration::from_secs(20);

const PATH: &str = "/callback";

/// What came back to us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    /// The code that is exchanged for tokens.
    Code(Secret),
    /// The provider or the person said no, in a word of the standard if there is one.
    Denied(Option<&'static str>),
}

/// Why what came is none for us; the next one may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotOurs {
    /// No code in it.
    Nothing,
    /// Another sign-in's, or somebody else's.
    State,
    /// It says that it is from another provider, or not from whom although ours would (RFC 9207).
    Issuer,
}

/// Whether a callback is an answer to us.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) state: Secret,
    pub(crate) issuer: Option<String>,
    /// The provider publishes that it always says who it is.
    pub(crate) says_issuer: bool,
}

/// A port that the browser can come back to.
#[derive(Debug)]
pub(crate) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

impl Expected {
    /// What the parameters of a redirect say.
    pub(crate) fn understand(&self, url: &Url) -> Result<Callback, NotOurs> {
        let get = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if get("code").is_none() && get("error").is_none() {
            return Err(NotOurs::Nothing);
        }
        if get("state").map(Secret::from).as_ref() != Some(&self.state) {
            return Err(NotOurs::State);
        }
        match (get("iss"), &self.issuer) {
            (Some(theirs), Some(issuer)) if theirs != *issuer => return Err(NotOurs::Issuer),
            (None, _) if self.says_issuer => return Err(NotOurs::Issuer),
            _ => {}
        }
        Ok(match get("code") {
            Some(code) if get("error").is_none() => Callback::Code(code.into()),
            _ => Callback::Denied(get("error").and_then(|error| code(&error))),
        })
    }

    /// What a person pasted: `code#state`, or the whole URL that the browser was sent to.
    pub(crate) fn understand_pasted(&self, text: &str) -> Result<Callback, NotOurs> {
        let text = text.trim().trim_matches(['\'', '"']);
        let query = match text.split_once('#') {
            _ if text.contains("://") => return self.understand(&Url::parse(text).map_err(|_| NotOurs::Nothing)?),
            Some((code, state)) => {
                let pairs = [("code", code), ("state", state)];
                let url = Url::parse_with_params("http://127.0.0.1/", pairs).map_err(|_| NotOurs::Nothing)?;
                // There is no place in it for an issuer; the state is ours alone.
                return Self { says_issuer: false, ..self.clone() }.understand(&url);
            }
            None => Url::parse(&format!("http://127.0.0.1/?{}", text.trim_start_matches('?')))
                .map_err(|_| NotOurs::Nothing)?,
        };
        self.understand(&query)
    }
}

impl Loopback {
    /// Any free port, or the one that the provider knows us by.
    pub(crate) fn open(port: Option<u16>) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)));
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| match port {
            Some(port) => Error::unavailable(format!(
                "port {port} (`redirect_port`), to which the browser would come back, can't be had: {error}"
            )),
            None => Error::unavailable(format!("no port can be had for the browser to come back to: {error}")),
        })?;
        Ok(Self { listener, address })
    }

    /// What the provider sends the browser back to. By its number: a name might lead elsewhere (RFC 8252, 8.3).
    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Sends the first callback that is for us.
    pub(crate) fn listen<T: From<Callback> + Send + 'static>(self, expected: Expected, events: Sender<T>) {
        let done = Arc::new(AtomicBool::new(false));
        thread::spawn(move || {
            for stream in self.listener.incoming() {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (expected, events, done) = (expected.clone(), events.clone(), Arc::clone(&done));
                let host = self.address.to_string();
                // One each, since a browser may open one that it never uses before the one that it does.
                thread::spawn(move || {
                    if let Some(callback) = serve(stream, &host, &expected, &done) {
                        // Nobody waits any more: somebody pasted it before.
                        let _ = events.send(callback.into());
                    }
                });
            }
        });
    }
}

fn serve(mut stream: TcpStream, host: &str, expected: &Expected, done: &AtomicBool) -> Option<Callback> {
    let request = read(&mut stream)?;
    let mut lines = request.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    let named = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    // A page elsewhere can make a browser call us by another name (DNS rebinding).
    let for_us = named.is_some_and(|(_, named)| is_host(named.trim(), host));
    let url = Url::parse(&format!("http://{host}{target}")).ok();
    let url = url.filter(|url| for_us && target.starts_with('/') && url.path() == PATH);
    let Some(url) = url else {
        answer(&mut stream, "404 Not Found", "There is nothing here.");
        return None;
    };
    let callback = match expected.understand(&url) {
        Ok(callback) => callback,
        Err(NotOurs::State | NotOurs::Issuer | NotOurs::Nothing) => {
            answer(&mut stream, "400 Bad Request", "This is not the answer to the sign-in that is under way.");
            return None;
        }
    };
    if done.swap(true, Ordering::SeqCst) {
        answer(&mut stream, "410 Gone", "This sign-in is over. This window can be closed.");
        return None;
    }
    let words = match &callback {
        Callback::Code(_) => "The sign-in goes on in the terminal. This window can be closed.",
        Callback::Denied(_) => "Nobody was signed in. This window can be closed.",
    };
    answer(&mut stream, "200 OK", words);
    Some(callback)
}

/// Whether a Host header names `host`, an address with its port. A browser leaves out the port that is http's own.
fn is_host(named: &str, host: &str) -> bool {
    named == host || host.strip_suffix(":80") == Some(named)
}

fn read(stream: &mut TcpStream) -> Option<String> {
    let until = Instant::now() + PATIENCE;
    let mut bytes = Vec::new();
    let mut chunk = [0; 2048];
    while bytes.len() < MAX_REQUEST {
        let left = until.checked_duration_since(Instant::now())?;
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).ok()?;
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        if bytes.windows(4).any(|end| end == b"\r\n\r\n") {
            return String::from_utf8(bytes).ok();
        }
    }
    None
}

/// Plain, and with nothing in it that another page could learn the code from.
fn answer(stream: &mut TcpStream, status: &str, words: &str) {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>claude-credential</title><p>{words}</p></html>\n"
    );
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\n\r\n{page}",
        page.len()
    );
    // Whoever closed his window early has had his answer all the same.
    let _ = stream.write_all(response.as_bytes()).and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{Callback, Expected, Loopback, NotOurs, is_host};

    fn expected() -> Expected {
        Expected { state: "STATE".into(), issuer: Some("https://a.example".to_owned()), says_issuer: false }
    }

    #[test]
    fn who_always_says_who_he_is_is_not_believed_without() {
        let expected = Expected { says_issuer: true, ..expected() };
        for (pasted, outcome) in [
            ("code=CANARY&state=STATE&iss=https://a.example", Ok(Callback::Code("CANARY".into()))),
            ("code=CANARY&state=STATE", Err(NotOurs::Issuer)),
            ("error=access_denied&state=STATE", Err(NotOurs::Issuer)),
            ("code=CANARY&state=STATE&iss=https://evil.example", Err(NotOurs::Issuer)),
        ] {
            assert_eq!(expected.understand_pasted(&format!("http://127.0.0.1/callback?{pasted}")), outcome, "{pasted}");
        }
        assert_eq!(expected.understand_pasted("CANARY#STATE"), Ok(Callback::Code("CANARY".into())));
    }

    #[test]
    fn a_browser_leaves_out_the_port_of_http_and_no_other() {
        for (named, host, ours) in [
            ("127.0.0.1", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1", "127.0.0.1:8080", false),
            ("127.0.0.1:81", "127.0.0.1:80", false),
            ("evil.example", "127.0.0.1:80", false),
        ] {
            assert_eq!(is_host(named, host), ours, "{named} {host}");
        }
    }

    fn get(address: &str, target: &str, host: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    #[test]
    fn one_answer_with_our_state_counts_and_no_other() {
        let loopback = Loopback::open(None).unwrap();
        let uri = loopback.redirect_uri();
        assert!(uri.starts_with("http://127.0.0.1:") && uri.ends_with("/callback"), "{uri}");
        let address = loopback.address.to_string();
        let (sender, receiver) = mpsc::channel::<Callback>();
        loopback.listen(expected(), sender);
        let _idle = TcpStream::connect(&address).unwrap();
        for (target, host, status) in [
            ("/favicon.ico", address.as_str(), "404"),
            ("/callback?code=CANARY&state=STATE", "evil.example", "404"),
            ("/callback?code=CANARY&state=other", &address, "400"),
            ("/callback?code=CANARY", &address, "400"),
            ("/callback?code=CANARY&state=STATE&iss=https://evil.example", &address, "400"),
        ] {
            let answer = get(&address, target, host);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
            assert!(!answer.contains("CANARY"), "{answer}");
        }
        assert!(receiver.try_recv().is_err());
        let page = get(&address, "/callback?code=CANARY&state=STATE", &address);
        assert!(page.contains("can be closed") && !page.contains("CANARY"), "{page}");
        assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(Callback::Code("CANARY".into())));
        for _ in 0..2 {
            // It may not even be accepted any more.
            let second = TcpStream::connect(&address).and_then(|mut stream| stream.write_all(b"GET /callback?code=X"));
            assert!(second.is_err() || receiver.recv_timeout(Duration::from_millis(50)).is_err());
        }
    }

    #[test]
    fn what_is_pasted_is_a_code_with_its_state_or_the_whole_url() {
        let code = Ok(Callback::Code("CANARY".into()));
        for good in [
            "CANARY#STATE",
            " CANARY#STATE\n",
            "http://127.0.0.1:1234/callback?code=CANARY&state=STATE",
            "'http://127.0.0.1:1234/callback?code=CANARY&state=STATE&iss=https%3A%2F%2Fa.example'",
            "code=CANARY&state=STATE",
        ] {
            assert_eq!(expected().understand_pasted(good), code, "{good}");
        }
        for (bad, why) in [
            ("", NotOurs::Nothing),
            ("CANARY", NotOurs::Nothing),
            ("CANARY#other", NotOurs::State),
            ("http://127.0.0.1/callback?code=CANARY", NotOurs::State),
            ("http://127.0.0.1/callback?code=CANARY&state=STATE&iss=x", NotOurs::Issuer),
        ] {
            assert_eq!(expected().understand_pasted(bad), Err(why), "{bad}");
        }
        let denied = expected().understand_pasted("http://127.0.0.1/callback?error=access_denied&state=STATE");
        assert_eq!(denied, Ok(Callback::Denied(Some("access_denied"))));
    }
}
