//! What the server for people knows, and how it decides.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Canary;
use crate::oauth::{Fault, ReceivedRequest, Reply, percent};

/// The one client that it knows.
const CLIENT: &str = "acme-cli";

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[derive(Debug)]
pub(super) struct State {
    pub(super) canary: Canary,
    /// For how long access tokens are good, in seconds.
    pub(super) life: u64,
    pub(super) log: Vec<String>,
    pub(super) grants: Vec<Grant>,
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) devices: Vec<Device>,
    pub(super) faults: Vec<(&'static str, Fault, usize)>,
    pub(super) pauses: (Duration, Duration),
    pub(super) denies: bool,
    pub(super) openid: bool,
    pub(super) secret: Option<String>,
}

#[derive(Debug)]
pub(super) struct Grant {
    pub(super) newest: usize,
    pub(super) alive: bool,
}

#[derive(Debug)]
pub(super) struct Code {
    pub(super) challenge: String,
    pub(super) redirect: String,
}

#[derive(Debug)]
pub(super) struct Device {
    pub(super) approved: bool,
    /// How often it has been asked for.
    pub(super) asked: usize,
}

pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn answer(state: &Mutex<State>, asked: &ReceivedRequest) -> Reply {
    let fault = lock(state).fault(&asked.path);
    match fault {
        Some(Fault::Loses) => drop(decide(state, asked)),
        None => return decide(state, asked),
        Some(_) => {}
    }
    fault.map_or(Reply::Closes, |fault| fault.reply())
}

fn decide(state: &Mutex<State>, asked: &ReceivedRequest) -> Reply {
    let issuer = format!("http://{}", asked.header("host").unwrap_or_default());
    match asked.path.as_str() {
        "/.well-known/openid-configuration" if lock(state).openid => offers(&issuer),
        "/.well-known/oauth-authorization-server" => offers(&issuer),
        "/authorize" => lock(state).authorize(asked, &issuer),
        "/device" => lock(state).device(asked, &issuer),
        "/revoke" => lock(state).revoke(asked),
        "/token" => {
            let (before, after) = lock(state).pauses;
            thread::sleep(before);
            let reply = lock(state).token(asked);
            thread::sleep(after);
            reply
        }
        _ => Reply::page(404, "nothing here"),
    }
}

fn offers(issuer: &str) -> Reply {
    let url = |path: &str| format!("{issuer}{path}");
    Reply::json(
        200,
        &json!({
            "issuer": issuer,
            "authorization_endpoint": url("/authorize"),
            "token_endpoint": url("/token"),
            "device_authorization_endpoint": url("/device"),
            "revocation_endpoint": url("/revoke"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_CODE],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        }),
    )
}

impl State {
    fn fault(&mut self, path: &str) -> Option<Fault> {
        let (_, fault, times) = self.faults.iter_mut().find(|(of, _, times)| path.starts_with(of) && *times > 0)?;
        *times -= 1;
        Some(fault.clone())
    }

    fn note(&mut self, event: impl Into<String>) {
        self.log.push(event.into());
    }

    fn authorize(&mut self, asked: &ReceivedRequest, issuer: &str) -> Reply {
        let query = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
        let (state, redirect, challenge) = (query("state"), query("redirect_uri"), query("code_challenge"));
        // RFC 8252, 7.3: the address, not the name.
        let loopback = redirect.starts_with("http://127.0.0.1:") || redirect.starts_with("http://[::1]:");
        let pkce = query("code_challenge_method") == "S256" && challenge.len() == 43;
        if query("client_id") != CLIENT || query("response_type") != "code" || !loopback || !pkce || state.len() < 16 {
            self.note("authorize refused");
            return Reply::page(400, "this is not how to ask");
        }
        let back = format!("{redirect}?state={}&iss={}", percent(&state), percent(issuer));
        if self.denies {
            return Reply::to(&format!("{back}&error=access_denied"));
        }
        let code = self.canary.secret(&format!("code-{}", self.codes.len() + 1));
        self.codes.insert(code.clone(), Code { challenge, redirect });
        Reply::to(&format!("{back}&code={}", percent(&code)))
    }

    fn device(&mut self, asked: &ReceivedRequest, issuer: &str) -> Reply {
        if let Err(refusal) = self.client(asked) {
            return refusal;
        }
        self.devices.push(Device { approved: false, asked: 0 });
        let number = self.devices.len();
        Reply::json(
            200,
            &json!({
                "device_code": self.canary.secret(&format!("device-{number}")),
                "user_code": format!("WDJB-{number:04}"),
                "verification_uri": format!("{issuer}/activate"),
                "verification_uri_complete": format!("{issuer}/activate?user_code=WDJB-{number:04}"),
                "expires_in": 600,
                "interval": 1,
            }),
        )
    }

    fn token(&mut self, asked: &ReceivedRequest) -> Reply {
        if let Err(refusal) = self.client(asked) {
            return refusal;
        }
        let form = asked.form();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        match field("grant_type") {
            "authorization_code" => self.redeem(field("code"), field("redirect_uri"), field("code_verifier")),
            "refresh_token" => self.refresh(field("refresh_token")),
            DEVICE_CODE => self.poll(field("device_code")),
            _ => Reply::error(400, "unsupported_grant_type"),
        }
    }

    fn client(&mut self, asked: &ReceivedRequest) -> Result<(), Reply> {
        let form = asked.form();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let known = match &self.secret {
            None => field("client_id") == CLIENT,
            Some(secret) => {
                let basic = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT}:{}", percent(secret)));
                asked.header("authorization") == Some(&format!("Basic {basic}"))
                    || (field("client_id") == CLIENT && field("client_secret") == secret)
            }
        };
        if known {
            return Ok(());
        }
        self.note("client refused");
        Err(Reply::error(401, "invalid_client"))
    }

    fn redeem(&mut self, code: &str, redirect: &str, verifier: &str) -> Reply {
        // One shot: whatever comes of it, the code is gone.
        let known = self.codes.remove(code);
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        let long = (43..=128).contains(&verifier.len());
        if !known.is_some_and(|code| code.redirect == redirect && code.challenge == hash && long) {
            self.note("code refused");
            return Reply::error(400, "invalid_grant");
        }
        self.grant("code")
    }

    fn grant(&mut self, how: &str) -> Reply {
        self.grants.push(Grant { newest: 1, alive: true });
        let grant = self.grants.len();
        self.note(format!("{how} {grant}"));
        self.set(grant, 1)
    }

    fn refresh(&mut self, token: &str) -> Reply {
        let found = self.find("refresh", token);
        let Some((grant, number)) = found else {
            self.note("refresh-refused unknown");
            return Reply::error(400, "invalid_grant");
        };
        let known = &mut self.grants[grant - 1];
        let (what, next) = match (known.alive, number == known.newest) {
            (true, true) => ("refresh", Some(number + 1)),
            (true, false) => ("reuse", None),
            (false, _) => ("dead", None),
        };
        known.newest = next.unwrap_or(known.newest);
        known.alive &= next.is_some();
        self.note(format!("{what} {grant}-{number}"));
        next.map_or_else(|| Reply::error(400, "invalid_grant"), |next| self.set(grant, next))
    }

    fn poll(&mut self, token: &str) -> Reply {
        let canary = &self.canary;
        let mut devices = self.devices.iter_mut().enumerate();
        let Some((_, device)) = devices.find(|(index, _)| canary.secret(&format!("device-{}", index + 1)) == token)
        else {
            return Reply::error(400, "expired_token");
        };
        device.asked += 1;
        match (device.asked, device.approved) {
            (_, _) if self.denies => Reply::error(400, "access_denied"),
            (1, _) => {
                self.note("device pending");
                Reply::error(400, "authorization_pending")
            }
            (2, _) => {
                self.note("device slow_down");
                Reply::error(400, "slow_down")
            }
            (_, false) => Reply::error(400, "authorization_pending"),
            (_, true) => self.grant("device-grant"),
        }
    }

    fn revoke(&mut self, asked: &ReceivedRequest) -> Reply {
        if let Err(refusal) = self.client(asked) {
            return refusal;
        }
        let token = asked.form().get("token").cloned().unwrap_or_default();
        for kind in ["refresh", "access"] {
            if let Some((grant, number)) = self.find(kind, &token) {
                self.grants[grant - 1].alive &= kind != "refresh";
                self.note(format!("revoked-{kind} {grant}-{number}"));
            }
        }
        Reply::Answer { status: 200, headers: Vec::new(), body: Vec::new() }
    }

    /// Which grant and set a token is of.
    fn find(&self, kind: &str, token: &str) -> Option<(usize, usize)> {
        let (grant, number) = token.strip_prefix(&self.canary.secret(&format!("{kind}-")))?.split_once('-')?;
        let (grant, number) = (grant.parse().ok()?, number.parse().ok()?);
        (1..=self.grants.get(usize::checked_sub(grant, 1)?)?.newest).contains(&number).then_some((grant, number))
    }

    fn set(&self, grant: usize, number: usize) -> Reply {
        Reply::json(
            200,
            &json!({
                "access_token": self.canary.secret(&format!("access-{grant}-{number}")),
                "refresh_token": self.canary.secret(&format!("refresh-{grant}-{number}")),
                "token_type": "Bearer",
                "expires_in": self.life,
                "scope": "inference offline_access",
            }),
        )
    }
}
