//! RFC 6749, 4.1, with PKCE (RFC 7636) and a loopback redirect (RFC 8252): the user signs in with a browser.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_config::Provider;
use claude_credential_files::random;
use claude_credential_protocol::{Error, Secret, is_cut_by_terminal};
use reqwest::Url;
use sha2::{Digest, Sha256};

use crate::binding;
use crate::browser;
use crate::client::{Client, EACH};
use crate::discovery::{Endpoint, Endpoints};
use crate::loopback::Loopback;
use crate::loopback::callback::{Callback, Expected, NotOurs};
use crate::reporter::Reporter;
use crate::tokens::TokenSet;
use claude_credential_process::SignalGuard;

/// How long the user may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Where the user pastes what the browser shows.
pub(crate) type Input = Box<dyn BufRead + Send>;

/// Something that happens while we wait.
enum Event {
    Callback(Callback),
    Pasted(String),
}

impl From<Callback> for Event {
    fn from(callback: Callback) -> Self {
        Self::Callback(callback)
    }
}

/// Said of an address that is longer than what a terminal takes in one line.
const CUT: &str = "the terminal cut that line off, so it is not used; paste code#state, which is shorter, or save the \
                   address in a file and run the login again with <FILE";

/// The parts of a sign-in that was requested.
struct AuthorizationRequest {
    url: Url,
    redirect_uri: String,
    verifier: Secret,
}

pub(crate) fn sign_in(
    client: &Client<'_>,
    open_browser: bool,
    input: Option<Input>,
    login: &str,
    reporter: &mut Reporter<'_>,
) -> Result<TokenSet, Error> {
    let provider = client.provider;
    let endpoints = client.endpoints(&[Endpoint::Authorization, Endpoint::Token])?;
    let loopback = Loopback::open(provider.redirect_port)?;
    let expected =
        Expected { state: random_text(), issuer: provider.issuer.clone(), says_issuer: endpoints.says_issuer };
    let request = begin(client, &endpoints, &loopback, &expected.state)?;
    let (sender, events) = mpsc::channel();
    loopback.listen(expected.clone(), sender.clone());
    if let Some(input) = input {
        thread::spawn(move || {
            for line in input.lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()) {
                if is_cut_by_terminal(line.as_bytes()) {
                    let _ = writeln!(io::stderr(), "{CUT}");
                    continue;
                }
                if sender.send(Event::Pasted(line)).is_err() {
                    return;
                }
            }
        });
    }
    reporter.line(&format!("to sign in to {}, open this address:", provider.name))?;
    reporter.plain(request.url.as_str())?;
    if open_browser && browser::open(client.environment, client.active, request.url.as_str()) {
        reporter.line("it was opened in your browser")?;
    }
    reporter
        .line("where the browser can't come back to this machine, paste here the address it ends at, or code#state")?;
    let code = wait(&events, &expected, provider, login, reporter)?;
    let held = SignalGuard::begin();
    let mut grant = vec![
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", &request.redirect_uri),
        ("code_verifier", request.verifier.expose()),
    ];
    grant.extend(provider.resource.iter().map(|resource| ("resource", resource.as_str())));
    // The exchange has its own deadline: the user took minutes.
    let client = Client { until: Instant::now() + EACH * 2, ..*client };
    let tokens = client.tokens(&endpoints, &grant).map_err(|failed| failed.error(provider, login));
    drop(held);
    tokens.map(|set| binding::bound(&client, set))
}

fn begin(
    client: &Client<'_>,
    endpoints: &Endpoints,
    loopback: &Loopback,
    state: &Secret,
) -> Result<AuthorizationRequest, Error> {
    let provider = client.provider;
    let endpoint = endpoints.need(Endpoint::Authorization, provider)?;
    let mut url = Url::parse(endpoint).map_err(|_| provider.error("the authorization endpoint is no URL"))?;
    let redirect_uri = loopback.redirect_uri();
    let verifier = random_text();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()));
    let scope = provider.scopes.join(" ");
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", provider.client_id.as_deref().unwrap_or_default())
        .append_pair("redirect_uri", &redirect_uri)
        .append_pair("state", state.expose())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256")
        .extend_pairs(client.requested_fields(&scope));
    Ok(AuthorizationRequest { url, redirect_uri, verifier })
}

fn wait(
    events: &Receiver<Event>,
    expected: &Expected,
    provider: &Provider,
    login: &str,
    reporter: &mut Reporter<'_>,
) -> Result<Secret, Error> {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            reporter.done_waiting()?;
            let minutes = PATIENCE.as_secs() / 60;
            return Err(Error::sign_in(format!("the sign-in was not finished within {minutes} minutes; run: {login}")));
        }
        reporter.waiting("waiting for the browser", left)?;
        let callback = match events.recv_timeout(left.min(Duration::from_secs(1))) {
            Ok(Event::Callback(callback)) => Ok(callback),
            Ok(Event::Pasted(text)) => expected.understand_pasted(&text),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Err(Error::broke("nothing is listening any more")),
        };
        reporter.done_waiting()?;
        match callback {
            Ok(Callback::Code(code)) => return Ok(code),
            Ok(Callback::Denied(code)) => {
                let said = code.map(|code| format!(" ({code})")).unwrap_or_default();
                return Err(Error::sign_in(format!("{} denied the sign-in{said}; run: {login}", provider.name)));
            }
            Err(why) => reporter.line(match why {
                NotOurs::Nothing => "that is neither an address with a code in it nor code#state; paste it whole",
                NotOurs::State => "that belongs to another sign-in; paste what the address above leads to",
                NotOurs::Issuer => "that does not say that it is from this provider, and is not used",
            })?,
        }
    }
}

/// 256 random bits, as PKCE demands for its verifier.
fn random_text() -> Secret {
    BASE64_URL_SAFE_NO_PAD.encode(random::<32>()).into()
}
