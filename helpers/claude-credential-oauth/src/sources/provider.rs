//! The token of a provider that the user configured.

use claude_credential_config::{Provider, SourceContext};
use claude_credential_protocol::{Credential, Error};

use crate::assertion;
use crate::client::{Client, is_for};
use crate::flows::federation::prepared;
use crate::refresh::Refresh;
use crate::token_store::TokenStore;

/// `built_in`: the request came through the default entry, which has no answer, rather than an error, before a sign-in.
pub(crate) fn get(
    context: &SourceContext<'_>,
    provider: &Provider,
    built_in: bool,
) -> Result<Option<Credential>, Error> {
    let request = context.request;
    if !is_for(request, provider) {
        return Ok(None);
    }
    let provider = &prepared(provider, context.environment)?;
    let client = Client::of(context, provider);
    // Flows without a user have no accounts, so a request for an account needs no assertion.
    let read = if request.username.is_none() { assertion::read_once(&client)? } else { None };
    let client = Client { provider: read.as_ref().unwrap_or(provider), ..client };
    let store = TokenStore::new(context.folders, provider, request.patience());
    let refresh = Refresh { client: &client, store, request };
    let found = refresh.get()?;
    if found.is_some() || built_in || !request.capabilities.claude_v1 {
        return Ok(found);
    }
    let login = refresh.store.login_command(request.username.as_deref());
    let name = &provider.name;
    let several = request.username.is_none() && !refresh.store.logins()?.is_empty();
    let who = if several { "no account is the current one at" } else { "not signed in to" };
    Err(Error::sign_in(format!("{who} {name}; run: {login}")))
}
