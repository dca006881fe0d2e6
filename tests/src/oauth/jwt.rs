use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use serde_json::{Value, json};

use crate::oauth::now;

/// An issuer of JWTs: a key of its own, with a name.
#[derive(Debug)]
pub struct Signer {
    key: EcdsaKeyPair,
    kid: &'static str,
}

/// What a JWT says; without changes, what every server here accepts.
#[derive(Debug, Clone)]
pub struct Claims {
    /// Its first part.
    pub header: Value,
    /// Its second.
    pub payload: Value,
}

impl Signer {
    /// A new key.
    #[must_use]
    pub fn new() -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("the same key");
        Self { key, kid: "made-up-key" }
    }

    /// What a build machine's issuer says of one of its jobs.
    #[must_use]
    pub fn claims(&self, audience: &str) -> Claims {
        let payload = json!({
            "iss": "https://issuer.example",
            "sub": "job-1",
            "aud": audience,
            "iat": now(),
            "exp": now() + 600,
        });
        Claims { header: json!({ "alg": "ES256", "typ": "JWT", "kid": self.kid }), payload }
    }

    /// Signed.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&claims.header), part(&claims.payload));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Who can tell its JWTs from others.
    #[must_use]
    pub fn public(&self) -> Verifier {
        Verifier { key: self.key.public_key().as_ref().to_vec(), kid: self.kid }
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

impl Claims {
    /// With another value in its payload.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.payload[name] = value.into();
        self
    }

    /// Without something in its payload.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.payload.as_object_mut().expect("an object").remove(name);
        self
    }

    /// With another value in its header; null takes it away.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        let header = self.header.as_object_mut().expect("an object");
        match value.into() {
            Value::Null => header.remove(name),
            value => header.insert(name.to_owned(), value),
        };
        self
    }
}

/// Who knows the issuer's public key.
#[derive(Debug, Clone)]
pub struct Verifier {
    key: Vec<u8>,
    kid: &'static str,
}

impl Verifier {
    /// What a JWT says, if it has all that RFC 7523 and Anthropic's documentation ask of one.
    pub fn verify(&self, token: &str, audience: &str) -> Result<Value, &'static str> {
        if token.len() > 16 * 1024 {
            return Err("more than 16 KiB");
        }
        let (text, signature) = token.rsplit_once('.').ok_or("no JWT")?;
        let (header, payload) = text.split_once('.').ok_or("no JWT")?;
        let (header, payload) = (part(header)?, part(payload)?);
        if header["alg"] != "ES256" {
            return Err("alg");
        }
        if header["kid"] != self.kid {
            return Err("kid");
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "signature")?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.key);
        key.verify(text.as_bytes(), &signature).map_err(|_| "signature")?;
        let time = |name: &str| payload[name].as_u64();
        if time("exp").is_none_or(|until| until <= now()) {
            return Err("exp");
        }
        if time("iat").is_none_or(|since| since > now() + 5) {
            return Err("iat");
        }
        if time("nbf").is_some_and(|since| since > now() + 5) {
            return Err("nbf");
        }
        if payload["aud"] != audience || payload["sub"].as_str().is_none() || payload["iss"].as_str().is_none() {
            return Err("aud, sub or iss");
        }
        Ok(payload)
    }
}

fn part(text: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| "base64")?;
    serde_json::from_slice(&bytes).map_err(|_| "JSON")
}
