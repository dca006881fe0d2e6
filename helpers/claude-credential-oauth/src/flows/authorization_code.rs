//! RFC 6749, 4.1, with PKCE (RFC 7636) and a loopback redirect (RFC 8252): the user signs in with a browser.

use std::io::{self, BufRead, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_files::random;
use claude_credential_protocol::{Error, Secret, is_cut_by_terminal};
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::binding;
use crate::browser;
use crate::client::{Client, EACH, is_refusal};
use crate::discovery::{Endpoint, Endpoints};
use crate::loopback::callback::{Callback, Expected, NotOurs};
use crate::loopback::page::Page;
use crate::loopback::{Loopback, Visit, Visitor};
use crate::reporter::Reporter;
use crate::tokens::{TokenSet, id_token};
use claude_credential_process::SignalGuard;

/// How long the user may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// Where the user pastes what the browser shows.
pub(crate) type Input = Box<dyn BufRead + Send>;

/// So many strays are told of: a page that comes back again and again does not fill the terminal.
const MOST_STRAYS: usize = 5;

/// Something that happens while we wait.
enum Event {
    Visit(Visit),
    Pasted(String),
}

impl From<Visit> for Event {
    fn from(visit: Visit) -> Self {
        Self::Visit(visit)
    }
}

/// A sign-in, and the browser that waits to hear whether its tokens could be kept.
pub(crate) struct SignedIn {
    pub(crate) set: TokenSet,
    pub(crate) browser: Waiting,
}

/// The browser that came back, if it did.
pub(crate) struct Waiting(Option<Visitor>);

impl Waiting {
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    pub(crate) fn show(self, page: &Page) {
        if let Some(visitor) = self.0 {
            visitor.show(page);
        }
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
    /// With which the ID token answers this sign-in, where one is asked for (OpenID Connect Core, 3.1.2.1).
    nonce: Option<Secret>,
}

pub(crate) fn sign_in(
    client: &Client<'_>,
    open_browser: bool,
    input: Option<Input>,
    login: &str,
    reporter: &mut Reporter<'_>,
) -> Result<SignedIn, Error> {
    let provider = client.provider;
    let endpoints = client.endpoints(&[Endpoint::Authorization, Endpoint::Token])?;
    let loopback = Loopback::open(provider)?;
    let expected =
        Expected { state: random_text(), issuer: endpoints.issuer.clone(), says_issuer: endpoints.says_issuer };
    let request = begin(client, &endpoints, &loopback, &expected.state, login)?;
    let (sender, events) = mpsc::channel();
    loopback.listen(&expected, &sender);
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
    let (callback, browser) = wait(&events, &expected, login, reporter)?;
    let browser = Waiting(browser);
    let outcome = match callback {
        Callback::Code(code) => exchange(client, &endpoints, &request, &code, login),
        Callback::Refused(refusal) => Err(refusal.error(provider, login)),
    };
    match outcome {
        Ok(set) => Ok(SignedIn { set, browser }),
        Err(error) => {
            browser.show(&Page::failed(provider, &error.to_string(), login));
            Err(error)
        }
    }
}

fn exchange(
    client: &Client<'_>,
    endpoints: &Endpoints,
    request: &AuthorizationRequest,
    code: &Secret,
    login: &str,
) -> Result<TokenSet, Error> {
    let provider = client.provider;
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
    let tokens = client.tokens(endpoints, &grant).map_err(|failed| failed.error(provider, login));
    drop(held);
    let set = tokens?;
    if let (Some(nonce), Some(id)) = (&request.nonce, &set.id)
        && !id_token::answers(id, nonce)
    {
        let name = &provider.name;
        return Err(Error::sign_in(format!("{name} answered with the ID token of another sign-in; run: {login}")));
    }
    Ok(binding::bound(&client, set))
}

fn begin(
    client: &Client<'_>,
    endpoints: &Endpoints,
    loopback: &Loopback,
    state: &Secret,
    login: &str,
) -> Result<AuthorizationRequest, Error> {
    let provider = client.provider;
    let endpoint = endpoints.need(Endpoint::Authorization, provider)?;
    let mut url = Url::parse(endpoint).map_err(|_| provider.error("the authorization endpoint is no URL"))?;
    let redirect_uri = loopback.redirect_uri().to_owned();
    let verifier = random_text();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()));
    let scope = provider.scopes.join(" ");
    let nonce = provider.scopes.iter().any(|scope| scope == "openid").then(random_text);
    let mut fields = vec![
        ("response_type", "code"),
        ("redirect_uri", &redirect_uri),
        ("state", state.expose()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    fields.extend(client.requested_fields(&scope));
    fields.extend(nonce.iter().map(|nonce| ("nonce", nonce.expose())));
    url.query_pairs_mut().append_pair("client_id", provider.client_id.as_deref().unwrap_or_default());
    match endpoints.get(Endpoint::PushedAuthorization) {
        Some(_) => {
            let uri = pushed(client, endpoints, &fields, login)?;
            url.query_pairs_mut().append_pair("request_uri", &uri);
        }
        None => drop(url.query_pairs_mut().extend_pairs(&fields)),
    }
    Ok(AuthorizationRequest { url, redirect_uri, verifier, nonce })
}

/// What a provider answers to parameters that are pushed.
#[derive(Deserialize)]
struct Pushed {
    request_uri: String,
}

/// Sends the parameters to the provider before the browser goes there (RFC 9126).
fn pushed(client: &Client<'_>, endpoints: &Endpoints, fields: &[(&str, &str)], login: &str) -> Result<String, Error> {
    let (answer, host) = client.post(endpoints, Endpoint::PushedAuthorization, fields)?;
    if is_refusal(&answer, &host) {
        let refused = client.understood(answer, &host).err();
        return Err(refused.map_or_else(
            || Error::unavailable(format!("{host} refused the sign-in")),
            |failed| failed.error(client.provider, login),
        ));
    }
    Ok(answer.json::<Pushed>(&host)?.request_uri)
}

fn wait(
    events: &Receiver<Event>,
    expected: &Expected,
    login: &str,
    reporter: &mut Reporter<'_>,
) -> Result<(Callback, Option<Visitor>), Error> {
    let until = Instant::now() + PATIENCE;
    let mut strays = 0;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            reporter.done_waiting()?;
            let minutes = PATIENCE.as_secs() / 60;
            return Err(Error::sign_in(format!("the sign-in was not finished within {minutes} minutes; run: {login}")));
        }
        reporter.waiting("waiting for the browser", left)?;
        let outcome = match events.recv_timeout(left.min(Duration::from_secs(1))) {
            Ok(Event::Visit(Visit::Answer(callback, visitor))) => Ok((callback, Some(visitor))),
            Ok(Event::Visit(Visit::TurnedAway(_))) if strays == MOST_STRAYS => continue,
            Ok(Event::Visit(Visit::TurnedAway(why))) => {
                strays += 1;
                Err(turned_away(why))
            }
            Ok(Event::Pasted(text)) => {
                expected.understand_pasted(&text).map(|callback| (callback, None)).map_err(not_taken)
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Err(Error::broke("nothing is listening any more")),
        };
        reporter.done_waiting()?;
        match outcome {
            Ok(answer) => return Ok(answer),
            Err(words) => reporter.line(words)?,
        }
    }
}

/// Why what was pasted is not the answer.
fn not_taken(why: NotOurs) -> &'static str {
    match why {
        NotOurs::Nothing | NotOurs::Host => {
            "that is neither an address with a code in it nor code#state; paste it whole"
        }
        NotOurs::State => "that belongs to another sign-in; paste what the address above leads to",
        NotOurs::Issuer => "that does not say that it is from this provider, and is not used",
    }
}

/// Why a browser that came back was turned away.
fn turned_away(why: NotOurs) -> &'static str {
    match why {
        NotOurs::Nothing => "a browser came back with neither a code nor an error, and was turned away",
        NotOurs::Host => "a page asked for this sign-in under another host's name, and was turned away",
        NotOurs::State => "a browser came back from another sign-in, and was turned away; open the address above",
        NotOurs::Issuer => {
            "a browser came back from another provider than `issuer` names, and was turned away; open the address above"
        }
    }
}

/// 256 random bits, as PKCE demands for its verifier.
fn random_text() -> Secret {
    BASE64_URL_SAFE_NO_PAD.encode(random::<32>()).into()
}
