//! The token of a provider that the user configured.

use std::borrow::Cow;
use std::time::Instant;

use claude_credential_config::{Environment, Flow, Provider};
use claude_credential_protocol::{Credential, Error, Interactive, Origin, Request};

use super::Asked;
use crate::assertion;
use crate::client::Client;
use crate::flows::federation;
use crate::refresh::Refresh;
use crate::vault::Vault;

/// `built_in` is the entry that everybody has: where nobody signed in, it has nothing to say.
pub(crate) fn get(asked: &Asked<'_>, provider: &Provider, built_in: bool) -> Result<Option<Credential>, Error> {
    let request = asked.request;
    if !is_for(provider, request) {
        return Ok(None);
    }
    let provider = &prepared(provider, asked.environment);
    let client = asked.client(provider);
    // No token without a person has an account, so there is nothing to read one for.
    let read = if request.username.is_none() { assertion::read_once(&client)? } else { None };
    let client = Client { provider: read.as_ref().unwrap_or(provider), ..client };
    let vault = Vault::new(asked.folders, provider, request.patience());
    let refresh = Refresh { client: &client, vault, request };
    let found = refresh.get()?;
    if found.is_some() || built_in || !request.capabilities.claude_v1 {
        return Ok(found);
    }
    let login = refresh.vault.login_command(request.username.as_deref());
    let name = &provider.name;
    let several = request.username.is_none() && !refresh.vault.logins()?.is_empty();
    let who = if several { "no account is the current one at" } else { "nobody is signed in to" };
    Err(Error::sign_in(format!("{who} {name}; run: {login}")))
}

/// Who speaks `claude.v1` has compared the host with the user's own list. git speaks for whatever host a clone names, so
/// there the provider's list counts.
pub(crate) fn is_for(provider: &Provider, request: &Request) -> bool {
    let listed = || Origin::new(&request.protocol, &request.host).is_ok_and(|origin| provider.hosts.contains(&origin));
    request.capabilities.claude_v1 || listed()
}

/// As it stands with this environment.
pub(crate) fn prepared<'p>(provider: &'p Provider, environment: &Environment) -> Cow<'p, Provider> {
    match provider.flow {
        Flow::Federation => Cow::Owned(federation::complete(provider, environment)),
        _ => Cow::Borrowed(provider),
    }
}

impl Asked<'_> {
    pub(crate) fn client<'c>(&'c self, provider: &'c Provider) -> Client<'c> {
        Client {
            provider,
            environment: self.environment,
            folders: self.folders,
            active: self.active,
            interactive: self.request.interactive == Interactive::Auto,
            until: Instant::now() + self.request.patience(),
        }
    }
}
