//! yup-oauth2 makes the requests; between it and the network stands our own HTTP.
//!
//! It is given a connector that connects nowhere: what it sends is read here and asked under the rules of `shared/http`,
//! and the answer is read as all others are. `docs/design/vertex-engine.md` says what that keeps.

use std::future::{Ready, ready};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_http::{Answer, Body, Call};
use claude_credential_protocol::{Error, append_wiped};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tower_service::Service;
use yup_oauth2::authorized_user::AuthorizedUserSecret;
use yup_oauth2::hyper::Uri;
use yup_oauth2::{
    AccessToken, AuthorizedUserAuthenticator, CustomHyperClientBuilder, ServiceAccountAuthenticator, ServiceAccountKey,
};

use crate::source_context::SourceContext;
use crate::token::{EACH, Token, reject_transient};

/// What yup-oauth2 does for us.
pub(crate) enum Grant {
    ServiceAccount(Box<ServiceAccountKey>),
    AuthorizedUser(Box<AuthorizedUserSecret>),
}

/// How it ended.
pub(crate) enum GrantOutcome {
    Token(Token),
    /// The server answered, and not with a token.
    Refused(Answer),
    /// Nothing was asked: what it was given can't be used.
    Unusable,
}

/// Our HTTP's own end comes first.
const MARGIN: Duration = Duration::from_millis(200);

/// What it is answered, whatever came: that it has done its part. The answer itself is read here, since it panics at a
/// life that is too long, and keeps what it reads where nothing is wiped.
const DONE: &str =
    concat!("HTTP/1.1 200 OK\r\ncontent-length: 20\r\nconnection: close\r\n\r\n", r#"{"access_token":"-"}"#);

/// Nothing that it sends comes near this.
const MAX_REQUEST: usize = 64 * 1024;

/// Asks for a token of `scope`, at `url` and nowhere else.
pub(crate) fn token(context: &SourceContext<'_>, flow: Grant, url: &str, scope: &str) -> Result<GrantOutcome, Error> {
    let bridge = Bridge(Arc::new(Shared { url: url.to_owned(), until: context.until, answer: Mutex::default() }));
    let host = Call { url, ..Call::default() }.host();
    let broke = |error: io::Error| Error::broke(format!("can't start a runtime: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(broke)?;
    let left = context.until.saturating_duration_since(Instant::now()) + MARGIN;
    // What becomes of it there is looked at by nobody: the answer stands in the bridge.
    let _ = runtime.block_on(async { tokio::time::timeout(left, flow.ask(bridge.clone(), scope)).await });
    let answer = bridge.0.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
    let answer = match answer {
        Some(answer) => reject_transient(answer?, &host)?,
        None if context.until <= Instant::now() => {
            return Err(Error::unavailable(format!("{host} did not answer in time")));
        }
        None => return Ok(GrantOutcome::Unusable),
    };
    if answer.is_success() {
        Ok(GrantOutcome::Token(Token::from_response(&answer, &host)?))
    } else {
        Ok(GrantOutcome::Refused(answer))
    }
}

impl Grant {
    async fn ask(self, bridge: Bridge, scope: &str) -> Option<AccessToken> {
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(bridge);
        let client = CustomHyperClientBuilder::from(client);
        let built = match self {
            Self::ServiceAccount(key) => ServiceAccountAuthenticator::with_client(*key, client).build().await,
            Self::AuthorizedUser(secret) => AuthorizedUserAuthenticator::with_client(*secret, client).build().await,
        };
        built.ok()?.token(&[scope]).await.ok()
    }
}

/// The connector.
#[derive(Clone)]
struct Bridge(Arc<Shared>);

struct Shared {
    url: String,
    until: Instant,
    answer: Mutex<Option<Result<Answer, Error>>>,
}

impl Service<Uri> for Bridge {
    type Response = TokioIo<tokio::net::UnixStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.connect())
    }
}

impl Bridge {
    fn connect(&self) -> io::Result<TokioIo<tokio::net::UnixStream>> {
        let (theirs, mut ours) = UnixStream::pair()?;
        theirs.set_nonblocking(true)?;
        let shared = Arc::clone(&self.0);
        // Our HTTP waits, and may not do so on the thread on which yup-oauth2 runs.
        thread::Builder::new().spawn(move || {
            // Where either end fails the other sees its stream end; the outcome stands in `answer`.
            let _ = shared.serve(&mut ours);
        })?;
        Ok(TokioIo::new(tokio::net::UnixStream::from_std(theirs)?))
    }
}

impl Shared {
    fn serve(&self, stream: &mut UnixStream) -> io::Result<()> {
        let request = Sent::read(stream)?;
        let body = Body::Bytes(request.header("content-type").unwrap_or_default(), request.body());
        let call = Call { url: &self.url, body, ..Call::default() };
        let answer = call.send_with_retry(EACH, self.until);
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        stream.write_all(DONE.as_bytes())
    }
}

/// What hyper wrote: a head, and as many bytes as it says.
struct Sent {
    bytes: zeroize::Zeroizing<Vec<u8>>,
    /// Where the body begins.
    body: usize,
}

impl Sent {
    fn read(stream: &mut UnixStream) -> io::Result<Self> {
        let mut sent = Self { bytes: zeroize::Zeroizing::default(), body: 0 };
        let mut chunk = zeroize::Zeroizing::new([0; 4096]);
        loop {
            let read = stream.read(&mut *chunk)?;
            append_wiped(&mut sent.bytes, &chunk[..read]);
            if sent.body == 0 {
                sent.body = sent.bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |end| end + 4);
            }
            let length = sent.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if sent.body > 0 && sent.bytes.len() - sent.body >= length {
                return Ok(sent);
            }
            if read == 0 || sent.bytes.len() > MAX_REQUEST {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn head(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.body]).unwrap_or_default()
    }

    fn body(&self) -> &[u8] {
        &self.bytes[self.body..]
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head().lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
