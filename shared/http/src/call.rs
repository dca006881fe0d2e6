use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_files::random;
use claude_credential_protocol::{Error, Origin, Secret, text};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, RequestBuilder};
use rustls::CertificateError;

use crate::answer::{Answer, MAX_ANSWER, exchange};
use crate::client::{Network, Route, client, runtime};
use crate::error::TransportError;
use crate::proxy::check_proxy;

/// The pause before the second attempt; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// The number of attempts while the server answers with an error or too slowly.
const MAX_ATTEMPTS: u32 = 5;

/// An attempt is not started with less time than this.
const MIN_ATTEMPT: Duration = Duration::from_secs(2);

/// The number of attempts while no connection can be made.
const MAX_ATTEMPTS_UNREACHABLE: u32 = 3;

/// Fields of grants that can be used once: a second use may revoke the tokens of the first.
const SINGLE_USE: [&str; 3] = ["refresh_token", "code", "device_code"];

/// An HTTP request.
#[derive(Default)]
pub struct Call<'a> {
    /// The URL it is sent to.
    pub url: &'a str,
    /// The body, which also decides the method.
    pub body: Body<'a>,
    /// The value of the `Authorization` header.
    pub authorization: Option<Secret>,
    /// Further headers. All values are treated as secrets, since some are.
    pub headers: &'a [(&'a str, &'a str)],
    /// The host is on this machine or its link: it is asked without a proxy, and is down if it accepts no connection
    /// within 2 s. Plain HTTP never uses a proxy.
    pub is_nearby: bool,
    /// What differs from the environment for this server.
    pub network: Network<'a>,
    /// Called before each pause, when no request is under way: a caller that defers signals can exit there.
    pub before_pause: Option<fn()>,
}

/// The body of a request and its method.
#[derive(Default)]
pub enum Body<'a> {
    /// A GET without a body.
    #[default]
    None,
    /// A PUT without a body.
    Put,
    /// A POST of a form.
    Form(&'a [(&'a str, &'a str)]),
    /// A POST of JSON.
    Json(&'a serde_json::Value),
    /// A POST of bytes with a content type.
    Bytes(&'a str, &'a [u8]),
}

// Written by hand: form, body and query may contain secrets.
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
    /// Sends the request once, for a caller that repeats it at its own intervals.
    pub fn send(&self, each: Duration) -> Result<Answer, Error> {
        self.exchange(each).and_then(refuse_redirect).map_err(|error| self.describe(&error))
    }

    /// Sends the request once and also returns a redirect as an answer. It is not followed.
    pub fn probe(&self, each: Duration) -> Result<Answer, Error> {
        self.exchange(each).map_err(|error| self.describe(&error))
    }

    /// Sends the request, and repeats it after a timeout, a 5xx or a 429 until `until`.
    pub fn send_with_retry(&self, each: Duration, until: Instant) -> Result<Answer, Error> {
        self.retry(each, until).and_then(refuse_redirect).map_err(|error| self.describe(&error))
    }

    /// The same, and also returns a redirect as an answer.
    pub fn probe_with_retry(&self, each: Duration, until: Instant) -> Result<Answer, Error> {
        self.retry(each, until).map_err(|error| self.describe(&error))
    }

    fn retry(&self, each: Duration, until: Instant) -> Result<Answer, TransportError> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let outcome = self.exchange(each.min(left));
            let (wait, most) = match &outcome {
                Ok(answer) if answer.may_change() => (answer.retry_after().unwrap_or(pause), MAX_ATTEMPTS),
                Err(TransportError::Unreachable(_)) => (pause, MAX_ATTEMPTS_UNREACHABLE),
                Err(TransportError::Timeout | TransportError::Interrupted(_)) => (pause, MAX_ATTEMPTS),
                _ => return outcome,
            };
            // Abandoning a refresh half-way can cost the refresh token, so it starts only with time for a whole
            // attempt. A slow server gets the same.
            let needed = if self.is_single_use() || matches!(outcome, Err(TransportError::Timeout)) {
                each
            } else {
                MIN_ATTEMPT
            };
            let wait = wait.saturating_add(jitter(pause));
            let left = until.saturating_duration_since(Instant::now());
            if attempt >= most || wait.saturating_add(needed) >= left {
                return outcome;
            }
            if let Some(before_pause) = self.before_pause {
                before_pause();
            }
            thread::sleep(wait);
            pause *= 2;
            attempt += 1;
        }
    }

    /// Whether the request contains a grant that can't be used twice.
    fn is_single_use(&self) -> bool {
        matches!(self.body, Body::Form(fields) if fields.iter().any(|(name, _)| SINGLE_USE.contains(name)))
    }

    fn exchange(&self, patience: Duration) -> Result<Answer, TransportError> {
        let runtime = runtime().map_err(|error| TransportError::Interrupted(error.to_string()))?;
        let work = async {
            let route = match (self.url.starts_with("http://"), self.is_nearby) {
                (true, true) => Route::PlainNearby,
                (true, false) => Route::Plain,
                (false, true) => Route::Nearby,
                (false, false) => Route::AsConfigured,
            };
            if route == Route::AsConfigured && self.network.proxy.is_none() {
                check_proxy(self.url).map_err(TransportError::Setting)?;
            }
            let client = client(route, self.network)?;
            exchange(self.request(&client)?).await
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
                return Error::config(format!("a header for {host} has characters that can't be sent"));
            }
            TransportError::Setting(error) => return error.clone(),
            TransportError::Certificate(problem) => format!("the certificate of {host} {}", described(problem)),
            TransportError::Unreachable(why) => format!("{host} can't be reached: {}", text::one_line(why)),
            TransportError::Timeout => format!("{host} did not answer in time"),
            TransportError::Interrupted(why) => format!("{host} broke off its answer: {}", text::one_line(why)),
            TransportError::Redirect(status) => {
                format!("{host} answered {status}, a redirect, which is not followed with a secret in hand")
            }
            TransportError::TooLarge => format!("{host} answered more than {MAX_ANSWER} bytes"),
        })
    }

    /// The host for messages, without path or query.
    #[must_use]
    pub fn host(&self) -> String {
        Origin::of_url(self.url)
            .map_or_else(|_| "the provider".to_owned(), |origin| text::shown(&origin.as_listed()).to_owned())
    }
}

/// What is wrong with a certificate and what mends it, after "the certificate of HOST". Another attempt may go well: a
/// network that wants a sign-in first answers with a certificate of its own.
fn described(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "is signed by an authority that this machine does not know; if that is your company's, run: export \
             NODE_EXTRA_CA_CERTS=/path/to/ca.pem"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "has expired; look at this machine's clock"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "is not valid yet; look at this machine's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another host; look at the URL and at the proxy"
        }
        problem => return format!("is not valid: {}", text::one_line(&problem.to_string())),
    }
    .to_owned()
}

fn refuse_redirect(answer: Answer) -> Result<Answer, TransportError> {
    if (300..400).contains(&answer.status) { Err(TransportError::Redirect(answer.status)) } else { Ok(answer) }
}

/// A header value that is left out of logs. One that is malformed fails the request, which would go out without it.
fn sensitive(value: &str) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| TransportError::InvalidHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Up to a quarter of `pause`, so that processes that failed at the same time don't retry at the same time.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(random::<1>()[0]) / 1024.0)
}
