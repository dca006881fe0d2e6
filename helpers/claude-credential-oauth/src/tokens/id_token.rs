//! ID tokens. They came straight from the provider over TLS, so their signature says nothing more (OpenID Connect Core,
//! 3.1.3.7).

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_protocol::{Seconds, Secret};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The claims by which people know an account, the best first (OpenID Connect Core, 5.1), and the sign-in that it answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    email: Option<String>,
    preferred_username: Option<String>,
    name: Option<String>,
    sub: Option<String>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
struct Times {
    iat: f64,
    exp: f64,
}

/// Whom it speaks of: shown to people, and decides nothing.
pub(crate) fn who(id_token: &Secret) -> Option<String> {
    let Claims { email, preferred_username, name, sub, .. } = payload(id_token)?;
    [email, preferred_username, name, sub].into_iter().flatten().find(|name| !name.is_empty())
}

/// Whether it answers the sign-in with that nonce. An encrypted one (five parts) says nothing to us, and PKCE has bound
/// its code to this sign-in.
pub(crate) fn answers(id_token: &Secret, nonce: &Secret) -> bool {
    let is_encrypted = id_token.expose().split('.').count() == 5;
    let same = |claims: Claims| claims.nonce.map(Secret::from).as_ref() == Some(nonce);
    is_encrypted || payload(id_token).is_some_and(same)
}

/// For how long it is good from its issue on, in seconds: no clock but the provider's is in that.
pub(crate) fn life(id_token: &Secret) -> Option<Seconds> {
    let Times { iat, exp } = payload(id_token)?;
    Some(Duration::try_from_secs_f64((exp - iat).max(0.0)).ok()?.as_secs())
}

fn payload<T: serde::de::DeserializeOwned>(id_token: &Secret) -> Option<T> {
    let part = id_token.expose().split('.').nth(1)?.trim_end_matches('=');
    let payload = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(part).ok()?);
    serde_json::from_slice(&payload).ok()
}
