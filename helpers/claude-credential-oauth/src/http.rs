//! One request to a provider: its deadline, and nothing followed, kept or believed beyond it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_config::Origin;
use claude_credential_files::random;
use claude_credential_protocol::{Error, Seconds, Secret, now, text};
use reqwest::header::{ACCEPT, AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use crate::signals;

/// No answer of a provider comes near this.
const MAX_ANSWER: usize = 1 << 20;

/// Who does not even answer the call is not there.
const CONNECT: Duration = Duration::from_secs(10);

/// The first pause before another attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Who has not answered well this often won't at the next attempt either.
const MOST_ATTEMPTS: u32 = 5;

/// An attempt that has less time than this is not worth beginning.
const LEAST: Duration = Duration::from_secs(2);

/// Who can't be reached at all is asked so often: a cable is seldom put back within seconds.
const MOST_CALLS: u32 = 3;

/// Grants that are good once: who sends one of them a second time may lose what the first answer gave.
const GOOD_ONCE: [&str; 3] = ["refresh_token", "code", "device_code"];

/// What is sent.
#[derive(Default)]
pub(crate) struct Call<'a> {
    pub(crate) url: &'a str,
    pub(crate) body: Body<'a>,
    /// The value of the header, if there is one.
    pub(crate) authorization: Option<Secret>,
}

#[derive(Default)]
pub(crate) enum Body<'a> {
    /// A GET has none.
    #[default]
    None,
    Form(&'a [(&'a str, &'a str)]),
    Json(&'a serde_json::Value),
}

/// What came back, whatever it is.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When the attempt that it answers was begun: those before it took time, too.
    pub(crate) asked: Seconds,
    /// What the server's clock says.
    pub(crate) date: Option<Seconds>,
    retry_after: Option<Duration>,
    body: Zeroizing<Vec<u8>>,
}

/// Why nothing came back that counts.
#[derive(Debug)]
enum Trouble {
    Unreachable(String),
    Late,
    Broken(String),
    Redirect(u16),
    TooLarge,
    /// It can't be sent as it is.
    Unsendable,
}

// By hand: what stands in a form, a body or a query is for the provider's eyes alone.
impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("host", &self.host())
            .field("body", &self.body)
            .field("authorization", &self.authorization.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Form(fields) => f.debug_set().entries(fields.iter().map(|(name, _)| name)).finish(),
            Self::Json(_) => f.write_str("Json"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, asked, date, retry_after, body } = self;
        f.debug_struct("Answer")
            .field("status", status)
            .field("asked", asked)
            .field("date", date)
            .field("retry_after", retry_after)
            .field("length", &body.len())
            .finish()
    }
}

impl Call<'_> {
    /// One attempt, whatever comes of it, for whoever asks again by a rhythm of his own.
    pub(crate) fn once(&self, each: Duration) -> Result<Answer, Error> {
        self.attempt(each).map_err(|trouble| self.error(&trouble))
    }

    /// An attempt, and more where another one may help: after a time-out, a 5xx, a 429, as long as there is time.
    pub(crate) fn insist(&self, each: Duration, until: Instant) -> Result<Answer, Error> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let left = until.saturating_duration_since(Instant::now());
            let outcome = self.attempt(each.min(left));
            let most = if matches!(outcome, Err(Trouble::Unreachable(_))) { MOST_CALLS } else { MOST_ATTEMPTS };
            let wait = match &outcome {
                Ok(answer) if answer.may_change() => Some(answer.retry_after.unwrap_or(pause)),
                Ok(_) | Err(Trouble::Redirect(_) | Trouble::TooLarge | Trouble::Unsendable) => None,
                Err(Trouble::Unreachable(_) | Trouble::Late | Trouble::Broken(_)) => Some(pause),
            };
            // A refresh that is given up on its way may have cost the refresh token: only a whole attempt is begun, and
            // so with a server that is slow.
            let needed = if self.is_good_once() || matches!(outcome, Err(Trouble::Late)) { each } else { LEAST };
            let wait = wait.map(|wait| wait.saturating_add(jitter(pause)));
            let left = until.saturating_duration_since(Instant::now());
            let wait = wait.filter(|wait| attempt < most && wait.saturating_add(needed) < left);
            let Some(wait) = wait else {
                return outcome.map_err(|trouble| self.error(&trouble));
            };
            signals::end_if_asked();
            thread::sleep(wait);
            pause *= 2;
        }
        Err(Error::broke("attempts without end"))
    }

    /// Whether it has a grant in it that can't be given twice.
    fn is_good_once(&self) -> bool {
        matches!(self.body, Body::Form(fields) if fields.iter().any(|(name, _)| GOOD_ONCE.contains(name)))
    }

    fn attempt(&self, patience: Duration) -> Result<Answer, Trouble> {
        let runtime = runtime().map_err(|error| Trouble::Broken(error.to_string()))?;
        let work = async {
            let client = client(self.url.starts_with("http://"));
            let client = client.map_err(|error| Trouble::of(&error))?;
            exchange(self.request(client)?).await
        };
        runtime.block_on(async { tokio::time::timeout(patience, work).await }).unwrap_or(Err(Trouble::Late))
    }

    fn request(&self, client: &Client) -> Result<RequestBuilder, Trouble> {
        let request = match self.body {
            Body::None => client.get(self.url),
            Body::Form(fields) => client.post(self.url).form(fields),
            Body::Json(value) => client.post(self.url).json(value),
        };
        let request = request.header(ACCEPT, "application/json");
        let Some(secret) = &self.authorization else { return Ok(request) };
        // Without it the request would go out as nobody's.
        let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| Trouble::Unsendable)?;
        value.set_sensitive(true);
        Ok(request.header(AUTHORIZATION, value))
    }

    fn error(&self, trouble: &Trouble) -> Error {
        let host = self.host();
        Error::unavailable(match trouble {
            Trouble::Unsendable => {
                return Error::config(format!("what {host} is to know us by has characters that no header can hold"));
            }
            Trouble::Unreachable(why) => format!("{host} can't be reached: {}", text::one_line(why)),
            Trouble::Late => format!("{host} did not answer in time"),
            Trouble::Broken(why) => format!("{host} broke off its answer: {}", text::one_line(why)),
            Trouble::Redirect(status) => {
                format!("{host} answered {status}, a redirect, which is not followed with a secret in hand")
            }
            Trouble::TooLarge => format!("{host} answered more than {MAX_ANSWER} bytes"),
        })
    }

    /// Who is asked, to be shown to people: neither path nor query.
    pub(crate) fn host(&self) -> String {
        Origin::of_url(self.url).map_or_else(|_| "the provider".to_owned(), |origin| origin.as_listed())
    }
}

impl Answer {
    /// The answer as JSON. What is wrong with it is said without a word of it.
    pub(crate) fn json<T: DeserializeOwned>(&self, host: &str) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column, status) = (error.line(), error.column(), self.status);
            let what = "is not the JSON that it should be";
            Error::unavailable(format!("what {host} answered, with status {status}, {what}: line {line}:{column}"))
        })
    }

    /// Whether the same request may be answered otherwise later.
    pub(crate) fn may_change(&self) -> bool {
        matches!(self.status, 408 | 429 | 500..=599)
    }

    /// By how much this machine's clock is ahead of the server's.
    pub(crate) fn clock_ahead(&self) -> Option<i64> {
        let here = i64::try_from(now() / 1000).ok()?;
        Some(here - i64::try_from(self.date?).ok()?)
    }
}

impl Trouble {
    fn of(error: &reqwest::Error) -> Self {
        // The deepest cause says most, and has no URL in it.
        let mut cause: &dyn StdError = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let why = cause.to_string();
        if error.is_timeout() {
            Self::Late
        } else if error.is_connect() || error.is_builder() {
            Self::Unreachable(why)
        } else {
            Self::Broken(why)
        }
    }
}

async fn exchange(request: RequestBuilder) -> Result<Answer, Trouble> {
    let asked = now() / 1000;
    let mut response = request.send().await.map_err(|error| Trouble::of(&error))?;
    let status = response.status();
    if status.is_redirection() {
        return Err(Trouble::Redirect(status.as_u16()));
    }
    let (date, retry_after) = (date(response.headers()), retry_after(response.headers()));
    let mut body = Zeroizing::new(Vec::with_capacity(16 * 1024));
    while let Some(chunk) = response.chunk().await.map_err(|error| Trouble::of(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Trouble::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: status.as_u16(), asked, date, retry_after, body })
}

fn date(headers: &HeaderMap) -> Option<Seconds> {
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    date.duration_since(std::time::UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// In seconds, or as a date by the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(Duration::from_secs(at.saturating_sub(date(headers).unwrap_or(now() / 1000))))
}

/// Up to a quarter of `pause`, so that those who failed together don't come back together.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(random::<1>()[0]) / 1024.0)
}

/// One thread, this one. It is never shut down: that would wait for a name resolution that hangs.
fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Plain HTTP is for loopback alone, and what goes there goes past every proxy.
fn client(plain: bool) -> Result<&'static Client, reqwest::Error> {
    static CLIENTS: [OnceLock<Client>; 2] = [OnceLock::new(), OnceLock::new()];
    let place = &CLIENTS[usize::from(plain)];
    if let Some(client) = place.get() {
        return Ok(client);
    }
    // Somebody else in this process may have done so before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("claude-credential/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        // A connection that was idle while nobody drove it may be dead.
        .pool_max_idle_per_host(0);
    let client = if plain { builder.no_proxy() } else { builder.https_only(true) }.build()?;
    Ok(place.get_or_init(|| client))
}
