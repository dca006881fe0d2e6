//! Self-signed JWTs of service accounts: <https://google.aip.dev/auth/4111>.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_protocol::{Seconds, Secret};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{SignatureAlgorithm, SignatureScheme};
use serde_json::{Value, json};

/// The lifetime of a JWT, the longest that Google accepts.
pub(crate) const LIFE: Seconds = 3600;

/// The claims of a JWT that is used as an access token.
pub(crate) fn claims(email: &str, scope: &str, here: Seconds) -> Value {
    json!({ "iss": email, "sub": email, "scope": scope, "iat": here, "exp": here + LIFE })
}

/// Signs `claims` with `key`; `None` if that is not an RSA key in PEM.
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

/// Whether `key` is one for ECDSA, which Google's token endpoint takes no signatures of.
pub(crate) fn is_elliptic(key: &Secret) -> bool {
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).ok();
    let key = key.and_then(|key| any_supported_type(&key).ok());
    key.is_some_and(|key| key.algorithm() == SignatureAlgorithm::ECDSA)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    use super::{claims, sign};
    use crate::tests::KEY;

    #[test]
    fn a_jwt_is_signed_as_openssl_signs_it() {
        let claims = claims("a@b.example", "s", 1000);
        let jwt = sign(&claims, &KEY.into(), Some("k")).unwrap();
        let parts: Vec<&str> = jwt.split('.').collect();
        let text = |part: &str| String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(text(parts[0]), r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#);
        assert_eq!(text(parts[1]), r#"{"exp":4600,"iat":1000,"iss":"a@b.example","scope":"s","sub":"a@b.example"}"#);
        // openssl dgst -sha256 -sign key.pem, of the first two parts.
        assert!(parts[2].starts_with("Hx5wufUFgHpkWQILnnrG-f1RelYJl1UC4xndH83xu71ta8Lbcro7l4boVNbAes3R"), "{jwt}");
    }

    #[test]
    fn what_is_no_key_signs_nothing() {
        for key in ["CANARY", "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(sign(&claims("a", "s", 0), &key.into(), None), None);
        }
    }
}
