//! The tokens of one sign-in.

mod encoding;
pub(crate) mod id_token;
pub(crate) mod response;

use claude_credential_config::Provider;
use claude_credential_files::{hex, random};
use claude_credential_protocol::{Error, Seconds, Secret, now};
use sha2::{Digest, Sha256};

/// How long before its expiry a token is renewed at the latest; a caller may want more.
const MARGIN: Seconds = 300;

/// With less time left than this, or than a quarter of its lifetime, a token is not handed out while another process renews
/// it.
const URGENT: Seconds = 30;

/// How many replaced tokens are remembered by their hashes, so that one that comes back is not stored as new.
const MOST_SUPERSEDED: usize = 8;

/// The tokens of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenSet {
    /// `None` after it was erased.
    pub(crate) access: Option<Secret>,
    /// When the access token expires, by this machine's clock.
    pub(crate) expires_at: Option<Seconds>,
    /// When it was obtained, by the same clock.
    pub(crate) obtained: Seconds,
    pub(crate) refresh: Option<Secret>,
    pub(crate) scope: Option<String>,
    /// The signed-in user, as the provider names them.
    pub(crate) who: Option<String>,
    /// The hash of the settings to which the tokens are bound.
    pub(crate) binding: String,
    /// The provider refused the refresh token; it is kept and never sent again.
    pub(crate) refused: bool,
    /// Since when the provider refuses to renew it without saying why.
    pub(crate) doubted: Option<Seconds>,
    /// The hashes of the access tokens before.
    pub(crate) superseded: Vec<String>,
    /// Why the access token that came with this refresh token is unusable; it is neither handed out nor stored.
    pub(crate) complaint: Option<String>,
    /// The ID token that came with them; it is not kept.
    pub(crate) id: Option<Secret>,
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

impl TokenSet {
    /// This set, or the error if its access token is unusable.
    pub(crate) fn whole(self) -> Result<Self, Error> {
        match self.complaint {
            None => Ok(self),
            Some(complaint) => Err(Error::unavailable(complaint)),
        }
    }

    /// This set as the successor of `old` from the same sign-in, to whose settings it stays bound.
    #[must_use]
    pub(crate) fn of_sign_in(self, old: &Self) -> Self {
        Self { binding: old.binding.clone(), ..self.after(old) }
    }

    /// This set as the successor of `old`: what the provider left out is taken from there.
    #[must_use]
    pub(crate) fn after(mut self, old: &Self) -> Self {
        self.refresh = self.refresh.or_else(|| old.refresh.clone());
        self.scope = self.scope.or_else(|| old.scope.clone());
        self.who = self.who.or_else(|| old.who.clone());
        if self.complaint.is_some() {
            // The old access token may still be valid.
            self.access.clone_from(&old.access);
            (self.expires_at, self.obtained) = (old.expires_at, old.obtained);
        }
        self.superseding(old)
    }

    /// This set in place of `old`, whose access token is remembered as replaced.
    #[must_use]
    pub(crate) fn superseding(mut self, old: &Self) -> Self {
        self.superseded.clone_from(&old.superseded);
        if let Some(access) = old.access.as_ref().filter(|access| Some(*access) != self.access.as_ref()) {
            self.superseded.push(hash(access));
        }
        // A token that is current again counts as replaced no longer.
        let own = self.access.as_ref().map(hash);
        self.superseded.retain(|hash| Some(hash) != own.as_ref());
        let too_many = self.superseded.len().saturating_sub(MOST_SUPERSEDED);
        self.superseded.drain(..too_many);
        self
    }

    /// This set without its access token.
    #[must_use]
    pub(crate) fn erased(&self) -> Self {
        Self { access: None, expires_at: None, ..self.clone() }.superseding(self)
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
}

/// For messages about a set that can't be renewed: the scope that asks for a refresh token (OpenID Connect Core, 11).
pub(crate) fn no_refresh_hint(provider: &Provider) -> &'static str {
    let asked = provider.scopes.iter().any(|scope| scope == "offline_access");
    if asked || !provider.flow.is_for_people() { "" } else { " (`scopes` has no \"offline_access\")" }
}

/// A hash to compare tokens by; a random token can't be found from it.
fn hash(token: &Secret) -> String {
    hex(&Sha256::digest(token.expose().as_bytes())[..16])
}
