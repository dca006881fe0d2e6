//! RFC 6749, 4.4: the client's own secret is all that is needed.

use crate::client::{Client, EACH};
use crate::discovery::Endpoint;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;

pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, TokenError> {
    let endpoints = client.endpoints(&[Endpoint::Token])?;
    let scope = client.provider.scopes.join(" ");
    let mut grant = vec![("grant_type", "client_credentials")];
    grant.extend(client.requested_fields(&scope));
    client.tokens(&endpoints, &grant, EACH)
}
