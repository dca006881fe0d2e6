//! What one sign-in gave us, and what is known of it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_files::{hex, random};
use claude_credential_protocol::{Error, MAX_LINE, Malformed, Message, Seconds, Secret, now, parse_token};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What is renewed at least so long before its end; a caller may want more.
const MARGIN: Seconds = 300;

/// Below this, or a quarter of its life, a token is not handed out while somebody else is renewing it.
const URGENT: Seconds = 30;

/// So many tokens that we replaced are remembered by their hashes, so that one that comes back is not kept as new.
const MOST_SUPERSEDED: usize = 8;

/// What is shown to people, or repeated, is no longer.
const MAX_SHOWN: usize = 4096;

/// With its name, a line of the wire.
const MAX_REFRESH: usize = MAX_LINE - 100;

/// The last second that the wire can tell.
const LAST: Seconds = 253_402_300_799;

/// The tokens of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenSet {
    /// None after it was erased.
    pub(crate) access: Option<Secret>,
    /// When that one ends, by this machine's clock.
    pub(crate) expires_at: Option<Seconds>,
    /// When we got it, by the same.
    pub(crate) obtained: Seconds,
    pub(crate) refresh: Option<Secret>,
    pub(crate) scope: Option<String>,
    /// Who is signed in, as the provider says it.
    pub(crate) who: Option<String>,
    /// With whom, and as which client: tokens go back to no other.
    pub(crate) binding: String,
    /// The provider took the refresh token back: kept, and of no use.
    pub(crate) refused: bool,
    /// The hashes of those before.
    pub(crate) superseded: Vec<String>,
    /// What is wrong with the access token that came with this refresh token: nobody gets it, and it is not kept.
    pub(crate) complaint: Option<String>,
}

/// How urgent a new access token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Not yet.
    No,
    /// The old one is good for a while.
    Soon,
    /// The old one is good for a moment only.
    Now,
    /// There is none, or it is over.
    Over,
}

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

/// The claims by which people know an account, the best first (OpenID Connect Core, 5.1).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    email: Option<String>,
    preferred_username: Option<String>,
    name: Option<String>,
    sub: Option<String>,
}

impl TokenSet {
    /// What `answer` of `host` gives. `asked` is when we sent the request: a lifetime counts from the server's answer,
    /// which is later, so nothing lives longer here than there, and the server's clock does not matter.
    pub(crate) fn from_answer(
        answer: &claude_credential_http::Answer,
        host: &str,
        asked: Seconds,
        binding: &str,
    ) -> Result<Self, Error> {
        let Raw { access_token, token_type, expires_in, refresh_token, scope, id_token } = answer.json(host)?;
        let (access, refresh) = (text(access_token).map(Secret::from), text(refresh_token).map(Secret::from));
        let wrong = |what: &str| format!("what {host} answered {what}");
        let refresh = refresh.filter(|token| !token.expose().is_empty());
        if refresh.as_ref().is_some_and(|token| !is_keepable(token)) {
            return Err(Error::unavailable(wrong("is no refresh token: it is too long, or not printable")));
        }
        let is_bearer = |word: &str| word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("n_a");
        let parsed = match (access, token_type) {
            (_, Some(kind)) if !kind.is_null() && !kind.as_str().is_some_and(is_bearer) => {
                Err(wrong("is a token of a type other than Bearer, which nobody here can use"))
            }
            (None, _) => Err(wrong("is not the JSON that it should be: it has no access token")),
            (Some(access), _) => parse_token(access.expose().as_bytes())
                .map_err(|problem| wrong(&format!("is no access token: {problem}"))),
        };
        let (access, complaint) = match parsed {
            Ok(access) => (Some(access), None),
            // The one before it is most likely void: this one is kept, and what came with it told after.
            Err(complaint) if refresh.is_some() => (None, Some(complaint)),
            Err(complaint) => return Err(Error::unavailable(complaint)),
        };
        let plain = |text: &String| text.len() <= MAX_SHOWN && !text.chars().any(char::is_control);
        Ok(Self {
            expires_at: lifetime(expires_in.as_ref())
                .filter(|_| access.is_some())
                .map(|seconds| asked.saturating_add(seconds).min(LAST)),
            access,
            obtained: asked,
            refresh,
            scope: text(scope).filter(plain),
            who: text(id_token).map(Zeroizing::new).and_then(|token| who(&token)).filter(plain),
            binding: binding.to_owned(),
            refused: false,
            superseded: Vec::new(),
            complaint,
        })
    }

    /// This set, unless its access token is none.
    pub(crate) fn whole(self) -> Result<Self, Error> {
        match self.complaint {
            None => Ok(self),
            Some(complaint) => Err(Error::unavailable(complaint)),
        }
    }

    /// This set after it replaced `old`: what the provider did not say anew still holds.
    #[must_use]
    pub(crate) fn after(mut self, old: &Self) -> Self {
        self.refresh = self.refresh.or_else(|| old.refresh.clone());
        self.scope = self.scope.or_else(|| old.scope.clone());
        self.who = self.who.or_else(|| old.who.clone());
        if self.complaint.is_some() {
            // It may live yet.
            self.access.clone_from(&old.access);
            (self.expires_at, self.obtained) = (old.expires_at, old.obtained);
        }
        self.superseding(old)
    }

    /// This set in the place of `old`, with which it may have nothing to do: who brings that one later brings no news.
    #[must_use]
    pub(crate) fn superseding(mut self, old: &Self) -> Self {
        self.superseded.clone_from(&old.superseded);
        if let Some(access) = old.access.as_ref().filter(|access| Some(*access) != self.access.as_ref()) {
            self.superseded.push(hash(access));
        }
        // One that was brought back on purpose is no longer one of those before.
        let own = self.access.as_ref().map(hash);
        self.superseded.retain(|hash| Some(hash) != own.as_ref());
        let too_many = self.superseded.len().saturating_sub(MOST_SUPERSEDED);
        self.superseded.drain(..too_many);
        self
    }

    /// Without its access token.
    #[must_use]
    pub(crate) fn erased(&self) -> Self {
        Self { access: None, expires_at: None, ..Self::default() }.after(self).bound_to(self)
    }

    fn bound_to(self, old: &Self) -> Self {
        Self { binding: old.binding.clone(), refused: old.refused, obtained: old.obtained, ..self }
    }

    /// Whether `access` is a token that we ourselves replaced.
    pub(crate) fn has_replaced(&self, access: &Secret) -> bool {
        self.superseded.contains(&hash(access))
    }

    /// How urgent a new one is for a caller who wants it to live `min_ttl` yet.
    pub(crate) fn due(&self, min_ttl: Seconds) -> Due {
        let here = now() / 1000;
        if self.access.is_none() {
            return Due::Over;
        }
        let Some(expires_at) = self.expires_at else { return Due::No };
        let left = expires_at.saturating_sub(here);
        let life = expires_at.saturating_sub(self.obtained);
        // Up to a tenth less, so that many machines with one grant don't all come at once.
        let threshold = MARGIN.max(min_ttl).min(life / 2);
        let threshold = threshold - threshold * u64::from(random::<1>()[0]) / 2560;
        if left == 0 {
            Due::Over
        } else if left < URGENT.min(life / 4) {
            Due::Now
        // A clock that was set back makes every token look younger than it is.
        } else if left < threshold || self.obtained > here + MARGIN {
            Due::Soon
        } else {
            Due::No
        }
    }

    /// As it is kept, with its name in it: what was moved under another name is not answered with.
    pub(crate) fn to_bytes(&self, provider: &str, account: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        // Named one by one: a field forgotten here is lost with the next sign-in.
        let Self { access, expires_at, obtained, refresh, scope, who, binding, refused, superseded, complaint: _ } =
            self;
        let mut message = Message::default();
        message.push("provider", provider)?;
        message.push_some("username", account)?;
        message.push_some("password", access.as_ref().map(Secret::expose))?;
        message.push_some("password_expiry_utc", expires_at.map(|at| at.to_string()).as_deref())?;
        message.push("obtained", &obtained.to_string())?;
        message.push_some("oauth_refresh_token", refresh.as_ref().map(Secret::expose))?;
        message.push_some("scope", scope.as_deref())?;
        message.push_some("claude.account", who.as_deref())?;
        message.push("binding", binding)?;
        if *refused {
            message.push("refused", "1")?;
        }
        for hash in superseded {
            message.push("superseded[]", hash)?;
        }
        Ok(message.to_bytes())
    }

    pub(crate) fn parse(bytes: &[u8], provider: &str, account: Option<&str>) -> Option<Self> {
        let message = Message::parse(bytes).ok()?;
        let same = message.get("provider") == Some(provider) && message.get("username") == account;
        if !same || !message.ended() {
            return None;
        }
        let text = |key: &str| message.get(key).map(str::to_owned);
        Some(Self {
            access: message.get("password").map(Secret::from),
            expires_at: message.number("password_expiry_utc", 0..=LAST).ok()?,
            obtained: message.number("obtained", 0..=LAST).ok()??,
            refresh: message.get("oauth_refresh_token").map(Secret::from),
            scope: text("scope"),
            who: text("claude.account"),
            binding: text("binding")?,
            refused: message.flag("refused"),
            superseded: message.list("superseded[]").into_iter().map(str::to_owned).collect(),
            complaint: None,
        })
    }
}

/// In seconds; some providers write the number as a text. What is none says nothing, and is no reason to throw tokens
/// away that can't be had again.
fn lifetime(value: Option<&Value>) -> Option<Seconds> {
    match value? {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|seconds| *seconds >= 0.0)?;
            Some(number.as_u64().unwrap_or_else(|| std::time::Duration::from_secs_f64(whole.min(1e12)).as_secs()))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
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

/// Who an ID token speaks of. It came straight from the provider over TLS, so its signature says nothing more (OpenID
/// Connect Core, 3.1.3.7), and it is shown to people and decides nothing.
fn who(id_token: &str) -> Option<String> {
    let payload = BASE64_URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1)?).ok()?;
    let Claims { email, preferred_username, name, sub } = serde_json::from_slice(&payload).ok()?;
    [email, preferred_username, name, sub].into_iter().flatten().find(|name| !name.is_empty())
}

/// Tells two tokens apart; nobody finds a random token by its hash.
fn hash(token: &Secret) -> String {
    hex(&Sha256::digest(token.expose().as_bytes())[..16])
}
