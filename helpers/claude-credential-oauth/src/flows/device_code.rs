//! RFC 8628: the user signs in on another device.

use std::thread;
use std::time::{Duration, Instant};

use claude_credential_http::Call;
use claude_credential_protocol::{Class, Error, Secret};
use serde::Deserialize;
use serde_json::Value;

use crate::binding;
use crate::browser;
use crate::client::{Client, is_refusal};
use crate::discovery::Endpoint;
use crate::reporter::Reporter;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;
use crate::tokens::response::lifetime;
use claude_credential_process::SignalGuard;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The standard's interval, if the provider gives none.
const INTERVAL: u64 = 5;

/// How long a code is good if the provider does not say: the standard wants it said.
const LIFE: u64 = 15 * 60;

/// How much longer the interval gets after `slow_down`, or if the provider can't be reached.
const SLOWER: Duration = Duration::from_secs(5);

/// The longest wait, in seconds, whatever the provider allows.
const LONGEST: u64 = 30 * 60;

#[derive(Deserialize)]
struct DeviceAuthorization {
    device_code: Secret,
    user_code: String,
    verification_uri: Option<String>,
    /// What Google calls it; some servers say both.
    verification_url: Option<String>,
    verification_uri_complete: Option<String>,
    // Numbers, texts or floats.
    expires_in: Option<Value>,
    interval: Option<Value>,
}

pub(crate) fn sign_in(
    client: &Client<'_>,
    open_browser: bool,
    login: &str,
    reporter: &mut Reporter<'_>,
) -> Result<TokenSet, Error> {
    let provider = client.provider;
    let endpoints = client.endpoints(&[Endpoint::DeviceAuthorization, Endpoint::Token])?;
    let told = |failed: &TokenError| failed.error(provider, login);
    let scope = provider.scopes.join(" ");
    let requested_fields = client.requested_fields(&scope);
    let (answer, host) = client.post(&endpoints, Endpoint::DeviceAuthorization, &requested_fields)?;
    if is_refusal(&answer, &host) {
        let refused = client.understood(answer, &host);
        return Err(refused.err().map_or_else(|| Error::unavailable("no device code"), |failed| told(&failed)));
    }
    let authorization: DeviceAuthorization = answer.json(&host)?;
    show(client, &authorization, open_browser, reporter)?;
    let life = lifetime(authorization.expires_in.as_ref()).unwrap_or(LIFE);
    let until = Instant::now() + Duration::from_secs(life.min(LONGEST));
    // At least what the provider demands (RFC 8628, 3.5).
    let interval = lifetime(authorization.interval.as_ref()).unwrap_or(INTERVAL);
    let mut interval = Duration::from_secs(interval.clamp(1, LONGEST));
    let mut grant = vec![("grant_type", GRANT), ("device_code", authorization.device_code.expose())];
    grant.extend(provider.resource.iter().map(|resource| ("resource", resource.as_str())));
    loop {
        pause(interval, until, reporter)?;
        if Instant::now() >= until {
            reporter.done_waiting()?;
            return Err(Error::sign_in(format!("the code expired before the sign-in; run: {login}")));
        }
        let held = SignalGuard::begin();
        // One attempt, even if it fails: the interval sets the next.
        let outcome = client.poll(&endpoints, &grant);
        drop(held);
        match outcome {
            Ok(tokens) => {
                reporter.done_waiting()?;
                return Ok(binding::bound(client, tokens));
            }
            Err(TokenError::Code("authorization_pending", _)) => {}
            Err(TokenError::Code("slow_down", _)) => interval += SLOWER,
            Err(TokenError::Error(error)) if error.class() == Class::Unavailable => {
                interval += SLOWER;
            }
            Err(failed) => {
                reporter.done_waiting()?;
                return Err(told(&failed));
            }
        }
    }
}

fn show(
    client: &Client<'_>,
    authorization: &DeviceAuthorization,
    open_browser: bool,
    reporter: &mut Reporter<'_>,
) -> Result<(), Error> {
    let DeviceAuthorization { user_code, verification_uri, verification_url, verification_uri_complete, .. } =
        authorization;
    let verification_uri = verification_uri.as_ref().or(verification_url.as_ref());
    let nowhere = || Error::unavailable("the provider names no address at which the code is typed");
    let verification_uri = verification_uri.or(verification_uri_complete.as_ref()).ok_or_else(nowhere)?;
    // The provider, not the user, chose the address that is about to be opened.
    let is_web = |uri: &str| uri.starts_with("https://") || claude_credential_config::is_endpoint(uri);
    let uri = verification_uri_complete.as_ref().unwrap_or(verification_uri);
    if !is_web(verification_uri) || !is_web(uri) {
        let host = Call { url: verification_uri, ..Call::default() }.host();
        return Err(Error::unavailable(format!("the provider sends people to {host}, which is no https address")));
    }
    reporter.line(&format!("to sign in to {}, open this address on any device:", client.provider.name))?;
    reporter.plain(uri)?;
    reporter.line(&format!("and see that it shows this code, or type it there: {user_code}"))?;
    if open_browser && browser::open(client.environment, client.active, uri) {
        reporter.line("it was opened in your browser")?;
    }
    Ok(())
}

fn pause(interval: Duration, until: Instant, reporter: &mut Reporter<'_>) -> Result<(), Error> {
    let next = (Instant::now() + interval).min(until);
    while Instant::now() < next {
        reporter.waiting("waiting for the sign-in", until.saturating_duration_since(Instant::now()))?;
        thread::sleep(next.saturating_duration_since(Instant::now()).min(Duration::from_secs(1)));
    }
    Ok(())
}
