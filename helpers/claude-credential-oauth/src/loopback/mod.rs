//! The HTTP server on 127.0.0.1 to which the browser returns: it takes one answer, with the state that we sent.

pub(crate) mod callback;
pub(crate) mod page;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_protocol::Error;
use reqwest::Url;

use callback::{Callback, Expected, NotOurs};
use page::Page;

/// The longest request that is read.
const MAX_REQUEST: usize = 16 * 1024;

/// How long a connection may stay silent: browsers open some that they never use.
const PATIENCE: Duration = Duration::from_secs(20);

const PATH: &str = "/callback";

/// Where who went astray finds the right way.
const GO_BACK: &str = "Close this window, and open the address that your terminal shows.";

/// An open port to which the browser can return.
#[derive(Debug)]
pub(crate) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

impl Loopback {
    /// Opens `port`, or any free one.
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

    /// The address to which the provider redirects the browser: an IP address, since a name might resolve to another
    /// (RFC 8252, 8.3).
    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Sends the first callback that is the answer to our sign-in, and why others before it are not.
    pub(crate) fn listen<T: From<Visit> + Send + 'static>(self, expected: Expected, events: Sender<T>) {
        let done = Arc::new(AtomicBool::new(false));
        thread::spawn(move || {
            for stream in self.listener.incoming() {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (expected, events, done) = (expected.clone(), events.clone(), Arc::clone(&done));
                let host = self.address.to_string();
                // A thread for each connection: a browser may open an unused one first.
                thread::spawn(move || {
                    if let Some(visit) = serve(stream, &host, &expected, &done) {
                        // The receiver is gone if the user has pasted the answer.
                        let _ = events.send(visit.into());
                    }
                });
            }
        });
    }
}

/// What came to our callback.
#[derive(Debug)]
pub(crate) enum Visit {
    /// The answer, and the browser that waits to hear what became of it.
    Answer(Callback, Visitor),
    /// No answer to our sign-in.
    TurnedAway(NotOurs),
}

/// A browser that waits for its page.
#[derive(Debug)]
pub(crate) struct Visitor(TcpStream);

impl Visitor {
    pub(crate) fn show(mut self, page: &Page) {
        answer(&mut self.0, page);
    }
}

fn serve(mut stream: TcpStream, host: &str, expected: &Expected, done: &AtomicBool) -> Option<Visit> {
    let request = read(&mut stream)?;
    let mut lines = request.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    let named = lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let url = Url::parse(&format!("http://{host}{target}")).ok();
    let Some(url) = url.filter(|url| target.starts_with('/') && url.path() == PATH) else {
        answer(&mut stream, &Page::stray("404 Not Found", "There is nothing here", GO_BACK));
        return None;
    };
    // A foreign page can make a browser send us another host name (DNS rebinding).
    if !named.is_some_and(|(_, named)| is_host(named.trim(), host)) {
        answer(&mut stream, &Page::stray("404 Not Found", "There is nothing here", GO_BACK));
        return Some(Visit::TurnedAway(NotOurs::Host));
    }
    let callback = match expected.understand(&url) {
        Ok(callback) => callback,
        Err(why) => {
            let title = "This is not the answer to the sign-in that is under way";
            answer(&mut stream, &Page::stray("400 Bad Request", title, GO_BACK));
            return Some(Visit::TurnedAway(why));
        }
    };
    if done.swap(true, Ordering::SeqCst) {
        answer(&mut stream, &Page::stray("410 Gone", "This sign-in is over", "You can close this window."));
        return None;
    }
    Some(Visit::Answer(callback, Visitor(stream)))
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

fn answer(stream: &mut TcpStream, page: &Page) {
    // The user may have closed the window; the answer counts all the same.
    let _ = stream.write_all(page.response().as_bytes()).and_then(|()| stream.flush());
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::callback::tests::expected;
    use claude_credential_config::{Flow, Provider};

    use super::page::Page;
    use super::{Callback, Loopback, NotOurs, Visit, is_host};

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
        let (sender, receiver) = mpsc::channel::<Visit>();
        loopback.listen(expected(), sender);
        let _idle = TcpStream::connect(&address).unwrap();
        for (target, host, status, why) in [
            ("/favicon.ico", address.as_str(), "404", None),
            ("/callback?code=CANARY&state=STATE", "evil.example", "404", Some(NotOurs::Host)),
            ("/callback?code=CANARY&state=other", &address, "400", Some(NotOurs::State)),
            ("/callback?code=CANARY", &address, "400", Some(NotOurs::State)),
            ("/callback?code=CANARY&state=STATE&iss=https://evil.example", &address, "400", Some(NotOurs::Issuer)),
        ] {
            let answer = get(&address, target, host);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
            assert!(!answer.contains("CANARY"), "{answer}");
            if let Some(why) = why {
                let told = receiver.recv_timeout(Duration::from_secs(20));
                assert!(matches!(told, Ok(Visit::TurnedAway(said)) if said == why), "{target}: {told:?}");
            }
        }
        assert!(receiver.try_recv().is_err());
        let page = thread::scope(|scope| {
            let page = scope.spawn(|| get(&address, "/callback?code=CANARY&state=STATE", &address));
            let Ok(Visit::Answer(callback, browser)) = receiver.recv_timeout(Duration::from_secs(20)) else {
                panic!("no answer")
            };
            assert_eq!(callback, Callback::Code("CANARY".into()));
            browser.show(&Page::signed_in(&Provider::new("acme", "/c:1", Flow::default()), None));
            page.join().unwrap()
        });
        assert!(page.contains("close this window") && !page.contains("CANARY"), "{page}");
        for _ in 0..2 {
            // It may not even be accepted any more.
            let second = TcpStream::connect(&address).and_then(|mut stream| stream.write_all(b"GET /callback?code=X"));
            assert!(second.is_err() || receiver.recv_timeout(Duration::from_millis(50)).is_err());
        }
    }
}
