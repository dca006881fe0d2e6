//! The claims of a JWT, read without a key, so that a message can name what its receiver would only refuse.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_files::hex;
use claude_credential_protocol::{Seconds, Secret, text};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Anthropic's documented limit (<https://platform.claude.com/docs/en/build-with-claude/workload-identity-federation>).
pub(crate) const MAX_JWT: usize = 16 * 1024;

/// The difference between two clocks that is tolerated.
const LEEWAY: Seconds = 60;

#[derive(Deserialize)]
struct Header {
    alg: Option<String>,
    kid: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    aud: Option<Audience>,
    exp: Option<f64>,
    iat: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn names(&self) -> Vec<&str> {
        match self {
            Self::One(name) => vec![name],
            Self::Many(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

/// The claims, if the token keeps every documented limit of Anthropic's that can be checked here; else the limit that it
/// misses.
pub(crate) fn check(token: &Secret, audience: Option<&str>, here: Seconds) -> Result<Claims, String> {
    let text = token.expose();
    if text.len() > MAX_JWT {
        return Err(format!("it is longer than the {MAX_JWT} bytes that are accepted"));
    }
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts.as_slice() else {
        return Err("it is no JWT: it has not three parts with dots between".to_owned());
    };
    let header: Header = part(header).ok_or("its first part is no JSON, so it is no JWT")?;
    match header.alg.as_deref() {
        None => return Err("its header names no `alg`".to_owned()),
        Some("none") => return Err("it is not signed (its `alg` is none)".to_owned()),
        Some(alg) if alg.starts_with("HS") => {
            return Err("its `alg` is symmetric; an asymmetric one such as RS256 or ES256 is needed".to_owned());
        }
        Some(alg) if ["RS", "PS", "ES", "Ed"].iter().any(|family| alg.starts_with(family)) => {}
        Some(_) => return Err("its `alg` is none of RS, PS, ES and EdDSA".to_owned()),
    }
    if header.kid.is_none_or(|kid| kid.is_empty()) {
        return Err("its header has no `kid`".to_owned());
    }
    if signature.is_empty() {
        return Err("it has no signature".to_owned());
    }
    let claims: Claims = part(payload).ok_or("its second part is no JSON, so it is no JWT")?;
    check_times(&claims, here)?;
    check_names(&claims, audience)?;
    Ok(claims)
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 need 32 bits of the 53 that there are")]
fn check_times(claims: &Claims, here: Seconds) -> Result<(), String> {
    let (here, leeway) = (here as f64, LEEWAY as f64);
    let Some(exp) = claims.exp else { return Err("it has no `exp`".to_owned()) };
    let Some(iat) = claims.iat else { return Err("it has no `iat`".to_owned()) };
    if exp + leeway <= here {
        return Err(format!("it expired {:.0} s ago by this machine's clock (`exp`); get a new one", here - exp));
    }
    if iat > here + leeway {
        let ahead = iat - here;
        return Err(format!("it was issued {ahead:.0} s in the future by this machine's clock (`iat`); set the clock"));
    }
    Ok(())
}

fn check_names(claims: &Claims, audience: Option<&str>) -> Result<(), String> {
    if claims.iss.as_deref().is_none_or(str::is_empty) {
        return Err("it has no `iss`".to_owned());
    }
    if claims.sub.as_deref().is_none_or(str::is_empty) {
        return Err("it has no `sub`".to_owned());
    }
    let names = claims.aud.as_ref().map(Audience::names).unwrap_or_default();
    match audience {
        _ if names.is_empty() => Err("it has no `aud`".to_owned()),
        Some(audience) if !names.contains(&audience) => {
            Err("its `aud` is another than the `audience` that is configured".to_owned())
        }
        _ => Ok(()),
    }
}

impl Claims {
    /// Issuer, subject and audience, for messages: names and no secrets.
    pub(crate) fn shown(&self) -> String {
        let short = |text: &str| text::one_line(&text.chars().take(200).collect::<String>());
        let names = self.aud.as_ref().map(Audience::names).unwrap_or_default().join(" ");
        let (iss, sub) = (self.iss.as_deref().unwrap_or_default(), self.sub.as_deref().unwrap_or_default());
        format!("iss {}, sub {}, aud {}", short(iss), short(sub), short(&names))
    }
}

/// A hash of the token's subject: of a JWT's issuer, subject and audience, which the next JWT of the same workload shares;
/// of any other token, of all of it.
pub(crate) fn whose(token: &Secret) -> String {
    let text = token.expose();
    let claims = match text.split('.').collect::<Vec<_>>().as_slice() {
        [_, payload, _] => part::<Claims>(payload),
        _ => None,
    };
    let names = claims.filter(|claims| claims.sub.is_some()).map(|claims| {
        let audience = claims.aud.as_ref().map(Audience::names).unwrap_or_default();
        format!("claims {:?}", (&claims.iss, &claims.sub, audience))
    });
    let names = Zeroizing::new(names.unwrap_or_else(|| format!("value {text}")));
    hex(&Sha256::digest(names.as_bytes())[..16])
}

fn part<T: serde::de::DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{BASE64_URL_SAFE_NO_PAD, Engine, MAX_JWT, check, whose};

    pub(crate) fn jwt(header: &str, payload: &str) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(header), part(payload), part("CANARY-signature"))
    }

    pub(crate) const HEADER: &str = r#"{"alg":"ES256","kid":"k"}"#;

    #[test]
    fn the_limit_that_a_jwt_misses_is_named() {
        const GOOD: &str = r#"{"iss":"i","sub":"s","aud":"a","iat":1000,"exp":2000}"#;
        let told = |header: &str, payload: &str| check(&jwt(header, payload).into(), Some("a"), 1500).err();
        assert_eq!(told(HEADER, GOOD), None);
        assert_eq!(told(HEADER, &GOOD.replace("\"a\"", "[\"b\",\"a\"]")), None);
        for (header, payload, says) in [
            (r#"{"alg":"HS256","kid":"k"}"#, GOOD.to_owned(), "symmetric"),
            (r#"{"alg":"none","kid":"k"}"#, GOOD.to_owned(), "not signed"),
            (r#"{"kid":"k"}"#, GOOD.to_owned(), "`alg`"),
            (r#"{"alg":"RS256"}"#, GOOD.to_owned(), "`kid`"),
            ("CANARY", GOOD.to_owned(), "no JWT"),
            (HEADER, "CANARY".to_owned(), "no JWT"),
            (HEADER, GOOD.replace("\"iat\"", "\"x\""), "`iat`"),
            (HEADER, GOOD.replace("\"exp\"", "\"x\""), "`exp`"),
            (HEADER, GOOD.replace("\"aud\"", "\"x\""), "`aud`"),
            (HEADER, GOOD.replace("\"a\"", "\"CANARY\""), "audience"),
            (HEADER, GOOD.replace("\"iss\"", "\"x\""), "`iss`"),
            (HEADER, GOOD.replace("\"sub\"", "\"x\""), "`sub`"),
            (HEADER, GOOD.replace("2000", "1100"), "expired 400 s ago"),
            (HEADER, GOOD.replace("1000", "5100"), "3600 s in the future"),
        ] {
            let error = told(header, &payload).unwrap();
            assert!(error.contains(says) && !error.contains("CANARY"), "{payload}: {error}");
        }
        let long = jwt(HEADER, &GOOD.replace("\"s\"", &format!("\"{}\"", "s".repeat(MAX_JWT))));
        assert!(check(&long.into(), None, 1500).unwrap_err().contains("16384"));
        assert!(check(&"CANARY".into(), None, 1500).unwrap_err().contains("no JWT"));
    }

    #[test]
    fn a_workloads_next_jwt_is_still_its_own_and_anybody_elses_is_not() {
        const ALICE: &str = r#"{"iss":"i","sub":"alice","aud":"a","iat":1000,"exp":2000}"#;
        let of = |payload: &str| whose(&jwt(HEADER, payload).into());
        let alice = of(ALICE);
        assert_eq!(alice, of(&ALICE.replace("2000", "3000").replace("\"a\"", "[\"a\"]")));
        for other in [ALICE.replace("alice", "bob"), ALICE.replace("\"i\"", "\"j\""), ALICE.replace("\"a\"", "\"b\"")] {
            assert_ne!(alice, of(&other), "{other}");
        }
        // Without a subject nothing is known, and each is another's.
        let nobody = ALICE.replace("\"sub\"", "\"x\"");
        assert_ne!(of(&nobody), of(&nobody.replace("2000", "3000")));
        assert_ne!(whose(&"CANARY-1".into()), whose(&"CANARY-2".into()));
        assert!(!whose(&"CANARY".into()).contains("CANARY"));
    }
}
