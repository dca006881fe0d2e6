//! RFC 8693: a token of one security domain is exchanged for one of another.

use crate::assertion::configured;
use crate::client::{Client, EACH};
use crate::discovery::Endpoint;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What CI systems and clusters give their jobs; `subject_token_type` says so where it is something else.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, TokenError> {
    let subject = configured::get(client)?;
    let endpoints = client.endpoints(&[Endpoint::Token])?;
    let scope = client.provider.scopes.join(" ");
    let token_type = client.provider.subject_token_type.as_deref().unwrap_or(JWT);
    let mut grant =
        vec![("grant_type", GRANT), ("subject_token", subject.expose()), ("subject_token_type", token_type)];
    grant.extend(client.requested_fields(&scope));
    client.tokens(&endpoints, &grant, EACH)
}
