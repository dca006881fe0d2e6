//! JWTs that a service account signs itself: <https://google.aip.dev/auth/4111>.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_protocol::{Seconds, Secret};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

/// How long such a one is good, which is the most that Google accepts.
pub(crate) const LIFE: Seconds = 3600;

/// The claims of a JWT that is an access token by itself.
pub(crate) fn claims(email: &str, scope: &str, here: Seconds) -> Value {
    json!({ "iss": email, "sub": email, "scope": scope, "iat": here, "exp": here + LIFE })
}

/// Signs `claims` with `key`; none where that is no RSA key in PEM.
pub(crate) fn sign(claims: &Value, key: &Secret, key_id: Option<&str>) -> Option<String> {
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).ok()?).ok()?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = key_id {
        header["kid"] = id.into();
    }
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(claims));
    let signature = signer.sign(text.as_bytes()).ok()?;
    Some(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}
