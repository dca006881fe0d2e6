//! What to do about a token set that is kept.

use claude_credential_protocol::Request;

use crate::tokens::{Due, TokenSet};

/// How a sign-in is over whose renewal is refused again and again without a reason.
pub(super) const UNCLEAR: &str = "was ended by the provider, which refuses to renew it and does not say why";

/// What to do about a token set.
pub(super) enum Step {
    /// It is the answer.
    Answer,
    /// It is the answer if it can't be renewed at once.
    RenewIfFree,
    /// It is the answer if it can't be renewed.
    RenewIfPossible,
    /// It is no answer.
    Renew,
}

impl Step {
    /// The step for `set`, or why only a new sign-in helps. `is_bound`: the settings are those with which it was obtained.
    /// `check_live`: the caller wants a proof that the token is good, and there is none yet.
    pub(super) fn of(
        set: &TokenSet,
        is_bound: bool,
        is_for_people: bool,
        check_live: bool,
        request: &Request,
    ) -> Result<Self, &'static str> {
        if !is_bound {
            let why = "was with another `issuer`, `token_endpoint`, `client_id` or `token` than config.toml has now";
            return if is_for_people { Err(why) } else { Ok(Self::Renew) };
        }
        if set.refused {
            return Err("was ended by the provider (invalid_grant)");
        }
        let can_renew = !is_for_people || set.refresh.is_some();
        let is_rejected = request.rejected.is_some() && request.rejected == set.access;
        match set.due(request.min_ttl) {
            Due::Over if !can_renew && set.access.is_some() => {
                Err("has expired, and the provider gave nothing to renew it with")
            }
            Due::Over if !can_renew => Err("was refused, and can't be renewed"),
            _ if is_rejected && !can_renew => Err("was refused, and can't be renewed"),
            Due::Over => Ok(Self::Renew),
            _ if check_live && !can_renew => Err("can't be proven: the provider gave nothing to renew it with"),
            // The provider's own answer is the best proof.
            _ if is_rejected || check_live => Ok(Self::Renew),
            Due::No => Ok(Self::Answer),
            _ if !can_renew => Ok(Self::Answer),
            Due::Soon => Ok(Self::RenewIfFree),
            Due::Now => Ok(Self::RenewIfPossible),
        }
    }
}
