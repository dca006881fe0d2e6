//! RFC 7523: a JWT of an issuer that the provider trusts is exchanged for a token.

use crate::assertion::configured;
use crate::client::{Client, EACH};
use crate::discovery::Endpoint;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;

pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, TokenError> {
    let assertion = configured::get(client)?;
    let endpoints = client.endpoints(&[Endpoint::Token])?;
    let scope = client.provider.scopes.join(" ");
    let mut grant = vec![("grant_type", GRANT), ("assertion", assertion.expose())];
    grant.extend(client.requested_fields(&scope));
    client.tokens(&endpoints, &grant, EACH)
}
