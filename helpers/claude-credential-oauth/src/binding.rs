//! The settings to which tokens are bound.

use claude_credential_config::{Flow, TokenKind};
use claude_credential_files::hex;
use sha2::{Digest, Sha256};

use crate::assertion;
use crate::client::Client;
use crate::tokens::TokenSet;

/// `set`, bound to the settings of `client`, which requested it.
pub(crate) fn bound(client: &Client<'_>, set: TokenSet) -> TokenSet {
    TokenSet { binding: of(client), ..set }
}

/// Whether `set` may be renewed and handed out with the settings of `client`.
pub(crate) fn is_usable(client: &Client<'_>, set: &TokenSet) -> bool {
    let without_revocation =
        |binding: &str| binding.split_once('.').map_or(binding, |(requested, _)| requested).to_owned();
    without_revocation(&set.binding) == without_revocation(&of(client))
}

/// Whether `set` may also be sent to the revocation endpoint that `client` knows.
pub(crate) fn is_revocable(client: &Client<'_>, set: &TokenSet) -> bool {
    set.binding == of(client) || (client.provider.revocation_endpoint.is_none() && is_usable(client, set))
}

/// A hash of the settings with which tokens are requested, and after a dot one of the `revocation_endpoint` that stood
/// there then. A line that is added later gets no token of an older sign-in, whoever the issuer is.
pub(crate) fn of(client: &Client<'_>) -> String {
    match &client.provider.revocation_endpoint {
        Some(endpoint) => format!("{}.{}", of_request(client), hash(endpoint)),
        None => of_request(client),
    }
}

/// The provider with the endpoint that is written down for it, the client, and what is requested. Tokens are sent to no
/// other provider or endpoint, and not handed out once the settings differ. For flows with a user only provider and
/// client count: the user agreed to the rest.
fn of_request(client: &Client<'_>) -> String {
    let provider = client.provider;
    let mut parts = vec![
        format!("{:?}", provider.flow.is_for_people()),
        format!("{:?}", provider.issuer.as_ref().or(provider.token_endpoint.as_ref())),
        format!("{:?}", provider.client_id),
    ];
    if let (Some(_), Some(endpoint)) = (&provider.issuer, &provider.token_endpoint) {
        parts.push(format!("token_endpoint {endpoint:?}"));
    }
    if provider.token == TokenKind::Id {
        parts.push("token id".to_owned());
    }
    if !provider.flow.is_for_people() {
        parts.push(format!("{:?}", (provider.flow, &provider.scopes, &provider.audience, &provider.resource)));
        parts.push(format!("{:?}", (&provider.parameters, &provider.subject_token_type)));
        let ids = [
            &provider.federation_rule_id,
            &provider.organization_id,
            &provider.service_account_id,
            &provider.workspace_id,
        ];
        parts.push(format!("{ids:?}"));
        if provider.flow != Flow::ClientCredentials {
            parts.push(assertion::whose(client));
        }
    }
    hash(&parts.join("\n"))
}

fn hash(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..16])
}
