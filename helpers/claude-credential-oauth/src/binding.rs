//! The settings to which tokens are bound.

use claude_credential_config::Flow;
use claude_credential_files::hex;
use sha2::{Digest, Sha256};

use crate::assertion;
use crate::client::Client;
use crate::tokens::TokenSet;

/// `set`, bound to the settings of `client`, which requested it.
pub(crate) fn bound(client: &Client<'_>, set: TokenSet) -> TokenSet {
    TokenSet { binding: of(client), ..set }
}

/// A hash of the settings with which tokens are requested: the provider, the client, and what is requested. Tokens are sent
/// to no other provider, and not handed out once the settings differ. For flows with a user only provider and client
/// count: the user agreed to the rest.
pub(crate) fn of(client: &Client<'_>) -> String {
    let provider = client.provider;
    let mut parts = vec![
        format!("{:?}", provider.flow.is_for_people()),
        format!("{:?}", provider.issuer.as_ref().or(provider.token_endpoint.as_ref())),
        format!("{:?}", provider.client_id),
    ];
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
    hex(&Sha256::digest(parts.join("\n").as_bytes())[..16])
}
