use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::oauth::fetch;
use crate::wait_until;

/// How often who waits looks whether the test is over.
const LOOK: Duration = Duration::from_millis(20);

/// A server on loopback: one request a connection, each in a thread of its own.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    over: AtomicBool,
    /// How many connections are open.
    open: AtomicUsize,
    /// How many seconds the clock in its `Date` is ahead.
    ahead: AtomicI64,
    asked: Mutex<Vec<ReceivedRequest>>,
    answer: Box<dyn Fn(&ReceivedRequest) -> Reply + Send + Sync>,
}

/// What stands between the wire and the requests on it; without it, nothing does.
pub(super) type Upgrade = Box<dyn Fn(TcpStream) -> io::Result<Box<dyn Stream>> + Send + Sync>;

/// A connection.
pub trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// A request.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// Without its query.
    pub path: String,
    /// Its query.
    pub query: BTreeMap<String, String>,
    headers: Vec<(String, String)>,
    /// What came with it.
    pub body: Vec<u8>,
}

impl ReceivedRequest {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The form that came with it.
    #[must_use]
    pub fn form(&self) -> BTreeMap<String, String> {
        parameters(&String::from_utf8_lossy(&self.body))
    }

    /// The JSON that came with it.
    #[must_use]
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What comes back.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer.
    Answer {
        /// 200 and so on.
        status: u16,
        /// Beside those that say what is in it.
        headers: Vec<(String, String)>,
        /// What is in it.
        body: Vec<u8>,
    },
    /// Nothing, and the connection stays open.
    Hangs,
    /// Nothing, and the connection is closed.
    Closes,
    /// The beginning of an answer that promises more.
    Breaks,
    /// An answer, byte by byte, that long between two of them.
    Slow(Duration, Vec<u8>),
}

impl Reply {
    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Self::Answer { status, headers, body: body.to_string().into_bytes() }
    }

    /// A refusal as RFC 6749 has it.
    #[must_use]
    pub fn error(status: u16, error: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": error }))
    }

    /// A page for people.
    #[must_use]
    pub fn page(status: u16, text: &str) -> Self {
        let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
        Self::Answer { status, headers, body: format!("<html><body>{text}</body></html>").into_bytes() }
    }

    /// Somewhere else.
    #[must_use]
    pub fn to(url: &str) -> Self {
        Self::Answer { status: 302, headers: Vec::new(), body: Vec::new() }.with("Location", url)
    }

    /// With a header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

impl Server {
    /// On a free port of 127.0.0.1.
    pub fn start(answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self::behind(Box::new(|stream| Ok(Box::new(stream))), answer)
    }

    /// The same, with something on the way to it.
    pub fn behind(upgrade: Upgrade, answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            over: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            ahead: AtomicI64::new(0),
            asked: Mutex::default(),
            answer: Box::new(answer),
        });
        let (ours, upgrade) = (Arc::clone(&shared), Arc::new(upgrade));
        thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !ours.over.load(Ordering::SeqCst)) {
                let (shared, upgrade) = (Arc::clone(&ours), Arc::clone(&upgrade));
                shared.open.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    // Whoever goes away in the middle of it is no failure of the server's.
                    let _ = upgrade(stream).and_then(|stream| shared.serve(stream));
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` with a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<ReceivedRequest> {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until everything is decided that anybody has asked, also by who is dead since.
    pub fn settle(&self) {
        // Connections are taken in their order: when ours is through, all before it are counted.
        fetch(&self.url("/"), &[]);
        wait_until(|| self.shared.open.load(Ordering::SeqCst) == 0);
    }

    /// Sets the clock in its `Date` ahead.
    pub fn is_ahead(&self, seconds: i64) {
        self.shared.ahead.store(seconds, Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    fn serve(&self, stream: Box<dyn Stream>) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let Some(asked) = read(&mut stream)? else { return Ok(()) };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
        let reply = (self.answer)(&asked);
        let mut stream = stream.into_inner();
        match reply {
            Reply::Answer { status, headers, body } => {
                stream.write_all(self.head(status, &headers, body.len()).as_bytes())?;
                stream.write_all(&body)?;
            }
            Reply::Breaks => stream.write_all(self.head(200, &[], 1000).as_bytes())?,
            Reply::Closes => {}
            Reply::Hangs => self.wait_while(|| true),
            Reply::Slow(pause, body) => {
                stream.write_all(self.head(200, &[], body.len()).as_bytes())?;
                for byte in body {
                    stream.write_all(&[byte])?;
                    stream.flush()?;
                    let next = SystemTime::now() + pause;
                    self.wait_while(|| SystemTime::now() < next);
                }
            }
        }
        stream.flush()
    }

    fn wait_while(&self, waiting: impl Fn() -> bool) {
        while waiting() && !self.over.load(Ordering::SeqCst) {
            thread::sleep(LOOK);
        }
    }

    fn head(&self, status: u16, headers: &[(String, String)], length: usize) -> String {
        let ahead = self.ahead.load(Ordering::SeqCst);
        let (now, difference) = (SystemTime::now(), Duration::from_secs(ahead.unsigned_abs()));
        let date = httpdate::fmt_http_date(if ahead < 0 { now - difference } else { now + difference });
        let mut head = format!("HTTP/1.1 {status} Made-up\r\nDate: {date}\r\nContent-Length: {length}\r\n");
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head + "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    }
}

fn read(stream: &mut impl BufRead) -> io::Result<Option<ReceivedRequest>> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut asked = ReceivedRequest {
        method: method.to_owned(),
        path: path.to_owned(),
        query: parameters(query),
        headers: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        asked.headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body = vec![0; length];
    stream.read_exact(&mut asked.body)?;
    Ok(Some(asked))
}

/// `name=value&…`, decoded.
#[must_use]
pub fn parameters(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => (bytes.push(code), rest = &tail[2..]).1,
            (b'+', _) => (bytes.push(b' '), rest = tail).1,
            (byte, _) => (bytes.push(*byte), rest = tail).1,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
