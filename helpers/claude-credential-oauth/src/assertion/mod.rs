//! The token that is exchanged for one of the provider's, and whose it is.

pub(crate) mod configured;
pub(crate) mod identity_token;
pub(crate) mod jwt;

use claude_credential_config::{Flow, Provider, TokenSource};
use claude_credential_protocol::Error;

use crate::client::Client;

/// The provider with its assertion read, so that one call uses one assertion throughout. `None` if its flow exchanges none,
/// or if only a server hands it out.
pub(crate) fn read_once(client: &Client<'_>) -> Result<Option<Provider>, Error> {
    let provider = client.provider;
    let found = match provider.flow {
        Flow::JwtBearer | Flow::TokenExchange => Some((configured::get(client)?, "the provider's section".to_owned())),
        Flow::Federation => identity_token::at_hand(client)?,
        Flow::AuthorizationCode | Flow::DeviceCode | Flow::ClientCredentials => None,
    };
    Ok(found.map(|(token, from)| Provider { assertion: Some(TokenSource::Read { token, from }), ..provider.clone() }))
}

/// A hash of the assertion's subject: tokens that were requested for one user or job are not handed out to another. Asks
/// no server.
pub(crate) fn whose(client: &Client<'_>) -> String {
    match &client.provider.assertion {
        Some(TokenSource::Read { token, .. }) => jwt::whose(token),
        _ => match read_once(client) {
            Ok(Some(Provider { assertion: Some(TokenSource::Read { token, .. }), .. })) => jwt::whose(&token),
            Ok(_) => identity_token::job(client.environment),
            // Matches no stored token; the next read says what is wrong.
            Err(_) => "unknown".to_owned(),
        },
    }
}
