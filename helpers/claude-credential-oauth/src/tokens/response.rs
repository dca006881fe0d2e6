//! What a token endpoint answers.

use claude_credential_config::TokenKind;
use claude_credential_http::Answer;
use claude_credential_protocol::{Error, MAX_EXPIRY, MAX_LINE, Seconds, Secret, parse_token};
use serde::Deserialize;
use serde_json::Value;

use super::{TokenSet, id_token};

/// The longest text that is shown or stored.
const MAX_SHOWN: usize = 4096;

/// The longest refresh token that, with its name, fits a line of the wire.
const MAX_REFRESH: usize = MAX_LINE - 100;

/// What a token endpoint answers (RFC 6749, 5.1). Of any type: the refresh token in it may be the only one that there
/// is, whatever the rest looks like.
#[derive(Deserialize)]
struct Raw {
    access_token: Option<Value>,
    token_type: Option<Value>,
    expires_in: Option<Value>,
    refresh_token: Option<Value>,
    scope: Option<Value>,
    id_token: Option<Value>,
}

/// What `answer` of `host` gives. `asked` is when we sent the request: a lifetime counts from the server's answer,
/// which is later, so nothing lives longer here than there, and the server's clock does not matter.
pub(crate) fn token_set(answer: &Answer, host: &str, asked: Seconds, kind: TokenKind) -> Result<TokenSet, Error> {
    let Raw { access_token, token_type, expires_in, refresh_token, scope, id_token } = answer.json(host)?;
    let id = text(id_token).map(Secret::from);
    let (access, refresh) = (text(access_token).map(Secret::from), text(refresh_token).map(Secret::from));
    let wrong = |what: &str| format!("what {host} answered {what}");
    let refresh = refresh.filter(|token| !token.expose().is_empty());
    if refresh.as_ref().is_some_and(|token| !is_keepable(token)) {
        return Err(Error::unavailable(wrong("is no refresh token: it is too long, or not printable")));
    }
    let checked = |token: Secret, what: &str| {
        parse_token(token.expose().as_bytes()).map_err(|problem| wrong(&format!("is no {what}: {problem}")))
    };
    let is_bearer = |word: &str| word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("n_a");
    let parsed = match (access, token_type) {
        _ if kind == TokenKind::Id => match &id {
            Some(id) => checked(id.clone(), "ID token"),
            None => Err(wrong("has no ID token, which `token = \"id\"` hands out")),
        },
        (_, Some(kind)) if !kind.is_null() && !kind.as_str().is_some_and(is_bearer) => {
            Err(wrong("is a token of a type other than Bearer, which is not supported"))
        }
        (None, _) => Err(wrong("is not the JSON that it should be: it has no access token")),
        (Some(access), _) => checked(access, "access token"),
    };
    let (access, complaint) = match parsed {
        Ok(access) => (Some(access), None),
        // The refresh token before it is most likely void, so this one is stored before the error is reported.
        Err(complaint) if refresh.is_some() => (None, Some(complaint)),
        Err(complaint) => return Err(Error::unavailable(complaint)),
    };
    let plain = |text: &String| text.len() <= MAX_SHOWN && !text.chars().any(char::is_control);
    // `expires_in` is the access token's.
    let life = match &id {
        Some(id) if kind == TokenKind::Id => id_token::life(id),
        _ => lifetime(expires_in.as_ref()),
    };
    Ok(TokenSet {
        expires_at: life.filter(|_| access.is_some()).map(|seconds| asked.saturating_add(seconds).min(MAX_EXPIRY)),
        access,
        obtained: asked,
        refresh,
        scope: text(scope).filter(plain),
        who: id.as_ref().and_then(id_token::who).filter(plain),
        id,
        complaint,
        ..TokenSet::default()
    })
}

/// In seconds; some providers write the number as a text. What is none says nothing, and is no reason to throw tokens
/// away that can't be had again.
pub(crate) fn lifetime(value: Option<&Value>) -> Option<Seconds> {
    match value? {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
        _ => None,
    }
}

fn whole(seconds: f64) -> Option<Seconds> {
    (seconds >= 0.0).then(|| std::time::Duration::from_secs_f64(seconds.min(1e12)).as_secs())
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Whether a line of what we keep can hold it. A provider that gives a longer one than a header could carry may have it
/// back all the same.
fn is_keepable(token: &Secret) -> bool {
    token.expose().len() <= MAX_REFRESH && token.expose().bytes().all(|byte| matches!(byte, b' '..=b'~'))
}
