//! How tokens are requested: one module for each grant, and one for those without a user.

pub(crate) mod authorization_code;
pub(crate) mod device_code;
pub(crate) mod federation;
pub(crate) mod machine;

use claude_credential_config::Flow;
use claude_credential_protocol::{Error, Secret};

use crate::assertion;
use crate::binding;
use crate::client::Client;
use crate::discovery::Endpoints;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;

/// Requests tokens without a user.
pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, TokenError> {
    // The assertion that is exchanged and the one to which the tokens are bound have to be the same.
    let read = assertion::read_once(client)?;
    let client = &Client { provider: read.as_ref().unwrap_or(client.provider), ..*client };
    let set = match client.provider.flow {
        Flow::AuthorizationCode | Flow::DeviceCode => {
            return Err(TokenError::Error(Error::broke("this flow needs a user")));
        }
        Flow::ClientCredentials | Flow::JwtBearer | Flow::TokenExchange => machine::mint(client),
        Flow::Federation => federation::mint(client),
    }?;
    // These tokens can be requested again, so no refresh token is stored.
    Ok(TokenSet { refresh: None, ..binding::bound(client, set) })
}

/// RFC 6749, 6: newer tokens for a refresh token.
pub(crate) fn refresh(client: &Client<'_>, endpoints: &Endpoints, token: &Secret) -> Result<TokenSet, TokenError> {
    let mut grant = vec![("grant_type", "refresh_token"), ("refresh_token", token.expose())];
    grant.extend(client.provider.resource.iter().map(|resource| ("resource", resource.as_str())));
    Ok(binding::bound(client, client.tokens(endpoints, &grant)?))
}
