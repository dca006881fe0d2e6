//! What is particular to tokens of Anthropic's.

use claude_credential_protocol::{Auth, BaseUrl, Credential, Error, Request, Secret};

/// The header without which the server takes an OAuth token for an unknown API key; Claude Code sends it, too.
pub(crate) const HEADER: &str = "anthropic-beta: oauth-2025-04-20";

/// The host for these tokens.
pub(crate) fn home() -> Result<BaseUrl, Error> {
    BaseUrl::listed("api.anthropic.com").map_err(|error| Error::broke(error.to_string()))
}

pub(crate) fn is_home(request: &Request) -> bool {
    home().is_ok_and(|home| request.is_for(&home))
}

/// The credential for a token from the environment, which the caller's environment renews.
pub(crate) fn ephemeral_credential(token: Secret, source: &str) -> Credential {
    let credential = Credential::new(Auth::Bearer(token)).from_source(source).ephemeral();
    Credential { headers: vec![HEADER.to_owned()], ..credential }
}
