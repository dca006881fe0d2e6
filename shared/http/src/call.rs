use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_files::random;
use claude_credential_protocol::{Error, Origin, Secret, text};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};

use crate::answer::{Answer, MAX_ANSWER, exchange};
use crate::client::{client, runtime};
use crate::error::TransportError;

/// The first pause before another attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Who has not answered well this often won't at the next attempt either.
const MAX_ATTEMPTS: u32 = 5;

/// An attempt that has less time than this is not worth beginning.
const MIN_ATTEMPT: Duration = Duration::from_secs(2);

/// Who can't be reached at all is asked so often: a cable is seldom put back within seconds.
const MAX_ATTEMPTS_UNREACHABLE: u32 = 3;

/// Grants that are good once: who sends one of them a second time may lose what the first answer gave.
const SINGLE_USE: [&str; 3] = ["refresh_token", "code", "device_code"];

/// What is sent.
#[derive(Default)]
pub struct Call<'a> {
    /// Where to.
    pub url: &'a str,
    /// What, which also says how.
    pub body: Body<'a>,
    /// The value of the header, if there is one.
    pub authorization: Option<Secret>,
    /// Further headers. Their values are treated as secrets, since some are.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is done before each pause: who holds signals back ends there, where nothing is under way.
    pub before_pause: Option<fn()>,
}

/// What is sent, and by which method.
#[derive(Default)]
pub enum Body<'a> {
    /// A GET has none.
    #[default]
    None,
    /// A PUT of nothing.
    Put,
    /// A POST of a form.
    Form(&'a [(&'a str, &'a str)]),
    /// A POST of JSON.
    Json(&'a serde_json::Value),
    /// A POST of these bytes, of this type.
    Bytes(&'a str, &'a [u8]),
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
            Self::Put => f.write_str("Put"),
            Self::Json(_) => f.write_str("Json"),
            Self::Bytes(..) => f.write_str("Bytes"),
        }
    }
}

impl Call<'_> {
    /// One attempt, whatever comes of it, for whoever asks again by a rhythm of his own.
    pub fn send(&self, each: Duration) -> Result<Answer, Error> {
        self.attempt(each).map_err(|error| self.describe(&error))
    }

    /// One attempt for whoever wants to see what the server does: a redirect is an answer, too, and is not followed.
    pub fn probe(&self, each: Duration) -> Result<Answer, Error> {
        self.exchange(each).map_err(|error| self.describe(&error))
    }

    /// An attempt, and more where another one may help: after a time-out, a 5xx, a 429, as long as there is time.
    pub fn send_with_retry(&self, each: Duration, until: Instant) -> Result<Answer, Error> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let left = until.saturating_duration_since(Instant::now());
            let outcome = self.attempt(each.min(left));
            let most = if matches!(outcome, Err(TransportError::Unreachable(_))) {
                MAX_ATTEMPTS_UNREACHABLE
            } else {
                MAX_ATTEMPTS
            };
            let wait = match &outcome {
                Ok(answer) if answer.may_change() => Some(answer.retry_after().unwrap_or(pause)),
                Ok(_) | Err(TransportError::Redirect(_) | TransportError::TooLarge | TransportError::InvalidHeader) => {
                    None
                }
                Err(TransportError::Unreachable(_) | TransportError::Timeout | TransportError::Interrupted(_)) => {
                    Some(pause)
                }
            };
            // A refresh that is given up on its way may have cost the refresh token: only a whole attempt is begun, and
            // so with a server that is slow.
            let needed = if self.is_single_use() || matches!(outcome, Err(TransportError::Timeout)) {
                each
            } else {
                MIN_ATTEMPT
            };
            let wait = wait.map(|wait| wait.saturating_add(jitter(pause)));
            let left = until.saturating_duration_since(Instant::now());
            let wait = wait.filter(|wait| attempt < most && wait.saturating_add(needed) < left);
            let Some(wait) = wait else {
                return outcome.map_err(|error| self.describe(&error));
            };
            if let Some(before_pause) = self.before_pause {
                before_pause();
            }
            thread::sleep(wait);
            pause *= 2;
        }
        Err(Error::broke("attempts without end"))
    }

    /// Whether it has a grant in it that can't be given twice.
    fn is_single_use(&self) -> bool {
        matches!(self.body, Body::Form(fields) if fields.iter().any(|(name, _)| SINGLE_USE.contains(name)))
    }

    fn attempt(&self, patience: Duration) -> Result<Answer, TransportError> {
        let answer = self.exchange(patience)?;
        if (300..400).contains(&answer.status) { Err(TransportError::Redirect(answer.status)) } else { Ok(answer) }
    }

    fn exchange(&self, patience: Duration) -> Result<Answer, TransportError> {
        let runtime = runtime().map_err(|error| TransportError::Interrupted(error.to_string()))?;
        let work = async {
            let client = client(self.url.starts_with("http://"));
            let client = client.map_err(|error| TransportError::of(&error))?;
            exchange(self.request(client)?).await
        };
        runtime.block_on(async { tokio::time::timeout(patience, work).await }).unwrap_or(Err(TransportError::Timeout))
    }

    fn request(&self, client: &Client) -> Result<RequestBuilder, TransportError> {
        let request = match self.body {
            Body::None => client.get(self.url),
            Body::Put => client.put(self.url),
            Body::Bytes(of_type, bytes) => client.post(self.url).header(CONTENT_TYPE, of_type).body(bytes.to_vec()),
            Body::Form(fields) => client.post(self.url).form(fields),
            Body::Json(value) => client.post(self.url).json(value),
        };
        let mut request = request.header(ACCEPT, "application/json");
        for (name, value) in self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| TransportError::InvalidHeader)?;
            request = request.header(name, sensitive(value)?);
        }
        Ok(match &self.authorization {
            Some(secret) => request.header(AUTHORIZATION, sensitive(secret.expose())?),
            None => request,
        })
    }

    fn describe(&self, error: &TransportError) -> Error {
        let host = self.host();
        Error::unavailable(match error {
            TransportError::InvalidHeader => {
                return Error::config(format!("what {host} is to know us by has characters that no header can hold"));
            }
            TransportError::Unreachable(why) => format!("{host} can't be reached: {}", text::one_line(why)),
            TransportError::Timeout => format!("{host} did not answer in time"),
            TransportError::Interrupted(why) => format!("{host} broke off its answer: {}", text::one_line(why)),
            TransportError::Redirect(status) => {
                format!("{host} answered {status}, a redirect, which is not followed with a secret in hand")
            }
            TransportError::TooLarge => format!("{host} answered more than {MAX_ANSWER} bytes"),
        })
    }

    /// Who is asked, to be shown to people: neither path nor query.
    #[must_use]
    pub fn host(&self) -> String {
        Origin::of_url(self.url).map_or_else(|_| "the provider".to_owned(), |origin| origin.as_listed())
    }
}

/// Without it the request would go out as nobody's.
fn sensitive(value: &str) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| TransportError::InvalidHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Up to a quarter of `pause`, so that those who failed together don't come back together.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(random::<1>()[0]) / 1024.0)
}
