//! The HTTP server on 127.0.0.1 to which the browser returns: it takes one answer, with the state that we sent.

pub(crate) mod callback;
pub(crate) mod page;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_config::Provider;
use claude_credential_protocol::Error;
use reqwest::Url;

use callback::{Callback, Expected, NotOurs};
use page::Page;

/// The longest request that is read.
const MAX_REQUEST: usize = 16 * 1024;

/// How long a connection may stay silent: browsers open some that they never use.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the browser comes back to, unless the user wrote another address.
const DEFAULT: &str = "http://127.0.0.1/callback";

/// Where who went astray finds the right way.
const GO_BACK: &str = "Close this window, and open the address that your terminal shows.";

/// An open port to which the browser can return.
#[derive(Debug)]
pub(crate) struct Loopback {
    /// Two for the name `localhost`, which a browser may look up as either address.
    listeners: Vec<TcpListener>,
    place: Place,
    redirect_uri: String,
}

/// Where on this machine a callback comes to.
#[derive(Debug, Clone)]
struct Place {
    /// The host with its port, as a browser names it.
    host: String,
    path: String,
}

impl Loopback {
    /// Opens the port of `redirect_uri` or `redirect_port`, or any free one. Where the user wrote neither, the address
    /// is by number, since a name might resolve to another (RFC 8252, 8.3).
    pub(crate) fn open(provider: &Provider) -> Result<Self, Error> {
        let written = provider.redirect_uri.as_deref();
        let no_url = |_| provider.error("`redirect_uri` is no URL");
        let url = Url::parse(written.unwrap_or(DEFAULT)).map_err(no_url)?;
        let name = url.host_str().unwrap_or_default().to_owned();
        // http's own port is one that the user wrote, too, but the parser leaves it out.
        let port = provider.redirect_port.or(url.port()).or(written.filter(|url| has_port_80(url)).map(|_| 80));
        let (setting, address) = match name.as_str() {
            "[::1]" => ("redirect_uri", IpAddr::V6(Ipv6Addr::LOCALHOST)),
            "localhost" => ("redirect_uri", IpAddr::V4(Ipv4Addr::LOCALHOST)),
            address => {
                let address = address.parse().map_err(|_| provider.error("`redirect_uri` is not on this machine"))?;
                (if written.is_some() { "redirect_uri" } else { "redirect_port" }, address)
            }
        };
        let listener = TcpListener::bind((address, port.unwrap_or(0)));
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (bound, listener) = bound.map_err(|error| match port {
            Some(port) => Error::unavailable(format!(
                "port {port} (`{setting}`), to which the browser would come back, can't be had: {error}"
            )),
            None => Error::unavailable(format!("no port can be had for the browser to come back to: {error}")),
        })?;
        let mut listeners = vec![listener];
        if name == "localhost" {
            // A machine may have no IPv6.
            listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, bound)));
        }
        let host = format!("{name}:{bound}");
        let redirect_uri = match (written, port) {
            // Providers compare it character by character.
            (Some(written), Some(_)) => written.to_owned(),
            (Some(written), None) => written.replacen(&name, &host, 1),
            (None, _) => format!("http://{host}{}", url.path()),
        };
        Ok(Self { listeners, place: Place { host, path: url.path().to_owned() }, redirect_uri })
    }

    /// The address to which the provider redirects the browser.
    pub(crate) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// Sends the first callback that is the answer to our sign-in, and why others before it are not.
    pub(crate) fn listen<T: From<Visit> + Send + 'static>(self, expected: &Expected, events: &Sender<T>) {
        let done = Arc::new(AtomicBool::new(false));
        for listener in self.listeners {
            let (place, expected, events, done) =
                (self.place.clone(), expected.clone(), events.clone(), Arc::clone(&done));
            thread::spawn(move || {
                for stream in listener.incoming() {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let (place, expected, events, done) =
                        (place.clone(), expected.clone(), events.clone(), Arc::clone(&done));
                    // A thread for each connection: a browser may open an unused one first.
                    thread::spawn(move || {
                        // The receiver is gone if the user has pasted the answer.
                        let tell = |visit: Visit| drop(events.send(visit.into()));
                        serve(stream, &place, &expected, &done, tell);
                    });
                }
            });
        }
    }
}

/// Whether a URL names port 80 itself.
fn has_port_80(url: &str) -> bool {
    let authority = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    authority.ends_with(":80")
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

/// Answers one request. What it was is told before the browser hears of it, so that it is told in its order.
fn serve(mut stream: TcpStream, place: &Place, expected: &Expected, done: &AtomicBool, tell: impl Fn(Visit)) {
    let Some(request) = read(&mut stream) else { return };
    let Some((target, named)) = parse(&request) else { return };
    let Place { host, path } = place;
    let url = Url::parse(&format!("http://{host}{target}")).ok();
    let nothing = Page::stray("404 Not Found", "There is nothing here", GO_BACK);
    let Some(url) = url.filter(|url| target.starts_with('/') && url.path() == path) else {
        return answer(&mut stream, &nothing);
    };
    // A foreign page can make a browser send us another host name (DNS rebinding).
    if !named.is_some_and(|named| is_host(named, host)) {
        tell(Visit::TurnedAway(NotOurs::Host));
        return answer(&mut stream, &nothing);
    }
    match expected.understand(&url) {
        Err(why) => {
            tell(Visit::TurnedAway(why));
            let title = "This is not the answer to the sign-in that is under way";
            answer(&mut stream, &Page::stray("400 Bad Request", title, GO_BACK));
        }
        Ok(_) if done.swap(true, Ordering::SeqCst) => {
            answer(&mut stream, &Page::stray("410 Gone", "This sign-in is over", "You can close this window."));
        }
        Ok(callback) => tell(Visit::Answer(callback, Visitor(stream))),
    }
}

/// The target and the host of a GET.
fn parse(request: &str) -> Option<(&str, Option<&str>)> {
    let mut lines = request.split("\r\n");
    let target = lines.next()?.strip_prefix("GET ")?.split(' ').next()?;
    let mut headers = lines.filter_map(|line| line.split_once(':'));
    let host = headers.find(|(name, _)| name.eq_ignore_ascii_case("host"));
    Some((target, host.map(|(_, named)| named.trim())))
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
        let acme = &Provider::new("acme", "/c:1", Flow::default());
        let loopback = Loopback::open(acme).unwrap();
        let uri = loopback.redirect_uri();
        assert!(uri.starts_with("http://127.0.0.1:") && uri.ends_with("/callback"), "{uri}");
        let address = loopback.place.host.clone();
        let (sender, receiver) = mpsc::channel::<Visit>();
        loopback.listen(&expected(), &sender);
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
            browser.show(&Page::signed_in(acme, None));
            page.join().unwrap()
        });
        assert!(page.contains("close this window") && !page.contains("CANARY"), "{page}");
        for _ in 0..2 {
            // It may not even be accepted any more.
            let second = TcpStream::connect(&address).and_then(|mut stream| stream.write_all(b"GET /callback?code=X"));
            assert!(second.is_err() || receiver.recv_timeout(Duration::from_millis(50)).is_err());
        }
    }

    #[test]
    fn the_address_that_the_user_wrote_is_the_one_that_is_sent() {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for (written, starts, path) in [
            (format!("http://localhost:{}/oauth/callback", free()), None, "/oauth/callback"),
            (format!("http://127.0.0.1:{}", free()), None, "/"),
            ("http://localhost/cb".to_owned(), Some("http://localhost:"), "/cb"),
        ] {
            let provider =
                Provider { redirect_uri: Some(written.clone()), ..Provider::new("acme", "/c:1", Flow::default()) };
            let loopback = Loopback::open(&provider).unwrap();
            let starts = starts.unwrap_or(&written);
            assert!(loopback.redirect_uri().starts_with(starts) && loopback.place.path == path, "{loopback:?}");
            assert_eq!(loopback.redirect_uri() == written, starts == written);
            let host = loopback.place.host.clone();
            let (sender, receiver) = mpsc::channel::<Visit>();
            loopback.listen(&expected(), &sender);
            let port = host.rsplit_once(':').unwrap().1;
            let other = get(&format!("127.0.0.1:{port}"), "/callback?code=CANARY&state=STATE", &host);
            assert!(other.starts_with("HTTP/1.1 404"), "{other}");
            get(&format!("127.0.0.1:{port}"), &format!("{path}?code=CANARY&state=another"), &host);
            assert!(matches!(receiver.recv(), Ok(Visit::TurnedAway(NotOurs::State))), "{written}");
        }
    }
}
