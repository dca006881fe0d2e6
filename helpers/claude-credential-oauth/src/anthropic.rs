//! What is particular to tokens of Anthropic's.

use claude_credential_protocol::{Auth, Credential, Origin, Request, Secret};

/// The header without which the server takes an OAuth token for an unknown API key; Claude Code sends it, too.
pub(crate) const HEADER: &str = "anthropic-beta: oauth-2025-04-20";

/// The host for these tokens.
pub(crate) const HOST: &str = "api.anthropic.com";

pub(crate) fn is_home(request: &Request) -> bool {
    Origin::new(&request.protocol, &request.host).is_ok_and(|origin| Origin::listed(HOST) == Ok(origin))
}

/// The credential for a token from the environment, which the caller's environment renews.
pub(crate) fn ephemeral_credential(token: Secret, source: &str) -> Credential {
    let credential = Credential::new(Auth::Bearer(token)).from_source(source).ephemeral();
    Credential { headers: vec![HEADER.to_owned()], ..credential }
}
