//! RFC 6749, 4.4: the client's own secret is all that is needed.

use crate::client::{Client, EACH};
use crate::discovery::Wanted;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;

pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, TokenError> {
    let endpoints = client.endpoints(&[Wanted::Token])?;
    let scope = client.provider.scopes.join(" ");
    let mut grant = vec![("grant_type", "client_credentials")];
    grant.extend(client.wishes(&scope));
    client.tokens(&endpoints, &grant, EACH)
}
