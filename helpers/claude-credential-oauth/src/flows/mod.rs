//! How tokens are had: one module, one grant.

pub(crate) mod authorization_code;
pub(crate) mod client_credentials;
pub(crate) mod device_code;
pub(crate) mod federation;
pub(crate) mod jwt_bearer;
pub(crate) mod token_exchange;

use claude_credential_config::Flow;
use claude_credential_protocol::Error;

use crate::assertion;
use crate::client::{Client, Failed};
use crate::tokens::TokenSet;

/// Tokens that are had without a person.
pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, Failed> {
    // What is exchanged and what the tokens are bound to is one token, whoever writes another one meanwhile.
    let read = assertion::read_once(client)?;
    let client = &Client { provider: read.as_ref().unwrap_or(client.provider), ..*client };
    let set = match client.provider.flow {
        Flow::AuthorizationCode | Flow::DeviceCode => {
            return Err(Failed::Error(Error::broke("a sign-in without a person")));
        }
        Flow::ClientCredentials => client_credentials::mint(client),
        Flow::JwtBearer => jwt_bearer::mint(client),
        Flow::TokenExchange => token_exchange::mint(client),
        Flow::Federation => federation::mint(client),
    }?;
    // What can be had again needs no second secret at rest.
    Ok(TokenSet { refresh: None, ..set })
}
