//! The JWT with which a client proves itself in place of a secret (RFC 7523, 2.2; `private_key_jwt` in OpenID Connect
//! Core, 9): from a file, or signed here for each request.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_config::{ClientAssertion, Provider};
use claude_credential_files::{Trust, hex, random, read};
use claude_credential_protocol::{Error, Seconds, Secret, parse_token, text};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use zeroize::Zeroizing;

pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How long a JWT of ours is good: for one request, on a machine whose clock is a little off.
const LIFE: Seconds = 120;

const MAX_FILE: u64 = 64 * 1024;

/// The assertion for `audience`, if the client proves itself so.
pub(crate) fn of(provider: &Provider, audience: &str, here: Seconds) -> Result<Option<Secret>, Error> {
    match &provider.client_assertion {
        None => Ok(None),
        Some(ClientAssertion::File(file)) => in_file(provider, file).map(Some),
        Some(ClientAssertion::Key { file, id }) => {
            let client = provider.client_id.as_deref().unwrap_or_default();
            let bytes = contents(provider, file, Trust::Secret, "client_key_file")?;
            let shown = text::shown_path(file);
            let what = "holds no private key in PEM that is RSA or EC on P-256 (RS256, ES256)";
            let signed = sign(&bytes, id.as_deref(), client, audience, here);
            signed.map(Some).ok_or_else(|| provider.error(format!("{shown}, the `client_key_file`, {what}")))
        }
    }
}

/// Clusters leave such files readable for others; it only matters that no other user can write them.
fn in_file(provider: &Provider, file: &Path) -> Result<Secret, Error> {
    let shown = text::shown_path(file);
    let bytes = contents(provider, file, Trust::Settings, "client_assertion_file")?;
    parse_token(&bytes).map_err(|problem| provider.error(format!("{shown} holds no client assertion: {problem}")))
}

/// What is in the file that `setting` names.
fn contents(provider: &Provider, file: &Path, trust: Trust, setting: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = read(file, trust, MAX_FILE).map_err(|error| Error::from(error).with_prefix(&provider.place))?;
    let missing = || provider.error(format!("{}, the `{setting}`, does not exist", text::shown_path(file)));
    bytes.ok_or_else(missing)
}

/// `None` if `pem` is no key of a kind that we sign with.
fn sign(pem: &[u8], key_id: Option<&str>, client: &str, audience: &str, here: Seconds) -> Option<Secret> {
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(pem).ok()?).ok()?;
    let (alg, signer) = match key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]) {
        Some(signer) => ("RS256", signer),
        None => ("ES256", key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256])?),
    };
    let mut header = json!({ "alg": alg, "typ": "JWT" });
    if let Some(id) = key_id {
        header["kid"] = id.into();
    }
    let claims = json!({
        "iss": client, "sub": client, "aud": audience, "jti": hex(&random::<16>()), "iat": here, "exp": here + LIFE,
    });
    let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let signature = signer.sign(text.as_bytes()).ok()?;
    let signature = if alg == "ES256" { fixed(&signature)?.to_vec() } else { signature };
    Some(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)).into())
}

/// TLS writes an ECDSA signature as two integers in DER, a JWT as two numbers of 32 bytes (RFC 7518, 3.4).
fn fixed(der: &[u8]) -> Option<[u8; 64]> {
    let [0x30, _, rest @ ..] = der else { return None };
    let (r, rest) = integer(rest)?;
    let (s, rest) = integer(rest)?;
    let mut fixed = [0; 64];
    for (number, end) in [(r, 32), (s, 64)] {
        fixed[end - number.len()..end].copy_from_slice(number);
    }
    rest.is_empty().then_some(fixed)
}

/// The first integer, without the zero that keeps it positive, and what comes after it.
fn integer(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let [0x02, length, rest @ ..] = der else { return None };
    let (number, rest) = rest.split_at_checked(usize::from(*length))?;
    let number = if let [0, tail @ ..] = number { tail } else { number };
    (number.len() <= 32).then_some((number, rest))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::process::{Command, Stdio};

    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::Value;

    use super::{fixed, sign};

    /// Made for these tests: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256.
    pub(crate) const EC: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg72/vlk0afv1Z4dqZ
1XU5ZC+RSODfjcPi7iUlUkeQgJGhRANCAAQMrSNRu/Q101D8SqXKXY0a7yQxvhv8
25Y9Ov/ttODM1fAdJfmKBwlr5oLGj7LNGNJ54+URwBPsC3yIOZRt/B19
-----END PRIVATE KEY-----
";

    const RSA: &str = "-----BEGIN PRIVATE KEY-----
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCHYB4Prua/JdO1
vWNW/V/rPX82uVLpwzAR3oi0km2Hi7c72ZOH3ywTQ4xTwk958G+dlwnnjDlLs7j8
R0LCSG7grq7949LOEnbLfySAkIVkrJU6nnbnDUh8HQte72MI0Pr3eyiMm8WHwwuf
qzMH7rVNXdfSIA5p5yPFwiiwUm3kaAOdVz2YdTMrcY71HDnD0LAIeuJoxOwJ00LP
PsMHqUjhYYHh0KF83sY3V7UKzX1GQhJMoyGGH2CNq2Dw3eHvM+3n6U5gQwoHEXEk
oauJPnVKPJNDxRw1u9YK6eFZexQD87rMERokufc3pwe2K4apPZIF0jxRDYtJN43q
gpFVFGzVAgMBAAECggEABkhwvLuaXAQZF6tANrkFwE5CCZEqXE0XKGJ9UnF6rJAl
zfJNhZXXCYHYu8kd6oPn5Owt+oAoke83xlsBqdtgwgQkJ7Ebhz2WI+BfxP5wInmx
Z19pbKnSKRMpWZufVg5qR3LWMUhy2i00QecuiXoLvMPT5h20wuIxEoGYuoOTiXE1
HgTCkYM6JmJfei8NcXwHkxc2QbsiCV9NOH47JNMfDiKrh4c8wFw6X+f8ZkvxlWcT
EiIo4LHo/53lnpZ1oWKjJ6omwr15LLcIlxCRAIqACLVw8JW9O147yZIpuHaRlkM2
8ZqK0jXKf4JmClB26ky2P4StNC8CxYao9nAl2WEB9QKBgQC+uAJ4O6jMN6YOk50n
MzPlQYZesDmZwwFKZNAPKXTHPNn/hK7DTJWPgRYqP/ke6cUIhjoNCq0xrOUShT6r
y5BIJOWst/nijDBpRA9pLeQKJZf6AO5YsDaDFpTuJOTIKJoNY0WgVMKqpqKrbbQA
w37GD9Cjzio8y9k9YnEQL/GBfwKBgQC1tpL5ojkklE76WCM5dbI4ktG5s/6ePAv3
QTXA/jF8kjuQp7GKgclySf2C+CMg5GL2pvg+ILTlKWrT66EZ0SK340eLXOkvmZwL
4Xvk11dXGCy42T1Y9d5/RPcqlshXg4cGTV9YTsc828qwjkflDRTZzPfphGmxXaFT
DFZiBBmTqwKBgQC6nNZdyxJpcHIdhTaaarF2u1y9PfW+jF6w6l/i1g+b++Da8nsG
QeN93TNQ9/PM2bSfmKcop6+8EY67RoGCG9b7oI7TJ9lsYPvlpGDn661ceFhymYKe
aR2NuwTS2Gq7p27FdsNkFEu+Kvq0fs1IigF7z3G5NjuB7XyNYct7qU3IBQKBgEhW
2If8ptcDG7XZ5Jv5WOvgtxFAsLp5mSHjmeysxTKcXI4n1CwZowKWpg+/jOyJP0SG
EAlbp+ga5uZaxZWrhjDCkDbQ1BwZAOBR8aqWd7S6cQNdqGiD6QGtiOAxiqwcNmKx
5qUXJ4X40eYbnk93N7fFO2SBTDpJ1fFj1ffLPgtlAoGBALGK06RawqkQU/586ycZ
oDtKn+zLV6a5295OoqovCmioB/Np97JaCcOp38rPwe8sjqZWRzash/ifAcU3kd1Z
uANXp//WKPGNNJLqDTEVFbNq433nnzuBJe0qP/ZZ7uHh6V3aHh+ZuGUo6DEIBtLR
tDiiv1dvi1/hyRZPiT/ImGqQ
-----END PRIVATE KEY-----
";

    #[test]
    fn what_is_signed_is_what_the_standard_says_and_openssl_agrees() {
        for (pem, alg) in [(EC, "ES256"), (RSA, "RS256")] {
            let jwt = sign(pem.as_bytes(), Some("k1"), "client", "https://a.example/token", 1000).unwrap();
            let parts: Vec<&str> = jwt.expose().split('.').collect();
            let json = |part: &str| -> Value {
                serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
            };
            let (header, claims) = (json(parts[0]), json(parts[1]));
            assert_eq!((&header["alg"], &header["kid"]), (&alg.into(), &"k1".into()));
            for (name, value) in [("iss", "client"), ("sub", "client"), ("aud", "https://a.example/token")] {
                assert_eq!(claims[name], value);
            }
            assert_eq!((&claims["iat"], &claims["exp"]), (&1000.into(), &1120.into()));
            assert_eq!(claims["jti"].as_str().map(str::len), Some(32));
            let signature = BASE64_URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
            assert_eq!(signature.len(), if alg == "ES256" { 64 } else { 256 });
            verified(pem, &format!("{}.{}", parts[0], parts[1]), &signature);
        }
        for bad in ["CANARY", "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(sign(bad.as_bytes(), None, "c", "a", 0), None);
        }
    }

    /// By openssl, which wants the two integers of ECDSA in DER.
    fn verified(pem: &str, text: &str, signature: &[u8]) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let signature = if signature.len() == 64 { der(signature) } else { signature.to_vec() };
        let (key, text, signature) =
            (write("key", pem.as_bytes()), write("text", text.as_bytes()), write("signature", &signature));
        let public = folder.path().join("public");
        let openssl =
            |arguments: &[&std::ffi::OsStr]| Command::new("openssl").args(arguments).stdout(Stdio::null()).status();
        let made = openssl(&[
            "pkey".as_ref(),
            "-in".as_ref(),
            key.as_ref(),
            "-pubout".as_ref(),
            "-out".as_ref(),
            public.as_ref(),
        ]);
        // Without openssl on this machine the shape alone is tested.
        let Ok(made) = made else { return };
        assert!(made.success());
        let checked = openssl(&[
            "dgst".as_ref(),
            "-sha256".as_ref(),
            "-verify".as_ref(),
            public.as_ref(),
            "-signature".as_ref(),
            signature.as_ref(),
            text.as_ref(),
        ]);
        assert!(checked.unwrap().success());
    }

    fn der(fixed: &[u8]) -> Vec<u8> {
        let number = |bytes: &[u8]| {
            let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            let zero = if bytes[0] >= 0x80 { &[0][..] } else { &[] };
            let length = u8::try_from(zero.len() + bytes.len()).unwrap();
            [&[0x02, length], zero, bytes].concat()
        };
        let both = [number(&fixed[..32]), number(&fixed[32..])].concat();
        [&[0x30, u8::try_from(both.len()).unwrap()], &both[..]].concat()
    }

    #[test]
    fn short_and_long_integers_take_32_bytes_each() {
        let mut long = vec![0x02, 33, 0];
        long.extend([0xff; 32]);
        let signature = [&[0x30, 38][..], &[0x02, 1, 5], &long].concat();
        let both = fixed(&signature).unwrap();
        assert!(both[..31] == [0; 31] && both[31] == 5 && both[32..] == [0xff; 32]);
        assert_eq!(fixed(&[0x30, 3, 0x02, 9, 1]), None);
    }
}
