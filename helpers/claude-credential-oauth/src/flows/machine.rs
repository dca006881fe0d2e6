//! The standard's grants without a user: the client's own secret (RFC 6749, 4.4), a JWT of an issuer that the provider
//! trusts (RFC 7523), or a token of another security domain (RFC 8693) is exchanged for a token.

use claude_credential_config::Flow;
use claude_credential_protocol::Secret;

use crate::assertion::configured;
use crate::client::Client;
use crate::discovery::Endpoint;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;

pub(crate) const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// What CI systems and clusters give their jobs; `subject_token_type` says so where it is something else.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, TokenError> {
    let provider = client.provider;
    let assertion = if provider.flow == Flow::ClientCredentials { None } else { Some(configured::get(client)?) };
    let token_type = provider.subject_token_type.as_deref().unwrap_or(JWT);
    let mut grant = match assertion.as_ref().map(Secret::expose) {
        None => vec![("grant_type", "client_credentials")],
        Some(jwt) if provider.flow == Flow::JwtBearer => vec![("grant_type", JWT_BEARER), ("assertion", jwt)],
        Some(subject) => {
            vec![("grant_type", TOKEN_EXCHANGE), ("subject_token", subject), ("subject_token_type", token_type)]
        }
    };
    let endpoints = client.endpoints(&[Endpoint::Token])?;
    let scope = provider.scopes.join(" ");
    grant.extend(client.requested_fields(&scope));
    client.tokens(&endpoints, &grant)
}
