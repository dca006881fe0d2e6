use clap::Args;
use claude_credential_config::logins::Login;
use claude_credential_config::{Folders, Provider, TokenKind};
use claude_credential_http::Answer;
use claude_credential_protocol::{Error, Secret, parse_account};

use super::shared::{PATIENCE, as_account};
use crate::binding;
use crate::client::Client;
use crate::discovery::Endpoint;
use crate::flows::federation::prepared;
use crate::options::Oauth;
use crate::reporter::Reporter;
use crate::token_store::TokenStore;
use crate::tokens::TokenSet;

#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// The account to sign out, where several are signed in [default: the current one]
    #[arg(long, value_name = "NAME", value_parser = parse_account)]
    pub(crate) account: Option<String>,
    /// Forget the tokens here, and leave them good at the provider
    #[arg(long)]
    pub(crate) local: bool,
}

/// The outcome of the revocation.
pub(super) enum Revoked {
    Yes,
    /// The provider has no revocation endpoint.
    Nowhere,
    /// Not requested, or there was no token to revoke.
    No,
}

pub(crate) fn run(
    helper: &Oauth,
    folders: &Folders,
    provider: &Provider,
    options: &Options,
    reporter: &mut Reporter<'_>,
) -> Result<(), Error> {
    let provider = &prepared(provider, &helper.suite.environment)?;
    let store = TokenStore::new(folders, provider, PATIENCE);
    let name = &provider.name;
    let not_signed_in = |account| format!("not signed in to {name}{}", as_account(account));
    let Some(login) = store.find(options.account.as_deref())? else {
        if options.account.is_none() && !store.logins()?.is_empty() {
            return Err(Error::config(format!(
                "no account of {name} is the current one; name one with: --account NAME"
            )));
        }
        return reporter.line(&not_signed_in(options.account.as_deref()));
    };
    let login_command = store.login_command(login.account.as_deref());
    let to_local = |error: &Error| to_local(error, &login_command);
    // A renewal that is under way would store a new token after the old one was revoked.
    let _lock = store.lock(login.account.as_deref(), PATIENCE)?;
    let store = TokenStore::new(folders, provider, PATIENCE);
    // That renewal, or another logout, may have moved or removed the login before we had the lock.
    let Some(login) = store.exactly(login.account.as_deref())? else {
        return reporter.line(&not_signed_in(login.account.as_deref()));
    };
    let revoked = if options.local {
        Revoked::No
    } else {
        let client = helper.client(folders, provider, PATIENCE);
        match store.read(&login).map_err(|error| to_local(&error))? {
            Some(set) if binding::is_revocable(&client, &set) => {
                revoke(&client, &set).map_err(|error| to_local(&error))?
            }
            // No later undo: without its tokens the sign-in can't be ended at the provider.
            Some(set) if binding::is_usable(&client, &set) => {
                let message =
                    format!("the sign-in is older than the revocation_endpoint of {name}, which gets no older token");
                return Err(to_local(&Error::config(message)));
            }
            // No token that may be sent to this provider.
            _ => Revoked::No,
        }
    };
    store.forget(&login)?;
    tell(&store, &login, name, &revoked, reporter)
}

fn tell(
    store: &TokenStore<'_>,
    login: &Login,
    name: &str,
    revoked: &Revoked,
    reporter: &mut Reporter<'_>,
) -> Result<(), Error> {
    let account = as_account(login.account.as_deref());
    let how = match revoked {
        Revoked::Yes => "; the provider was told",
        Revoked::Nowhere => "; the provider has no way to be told, so the tokens are good there until they expire",
        Revoked::No => "; the provider was not told, so the tokens are good there until they expire",
    };
    reporter.line(&format!("signed out of {name}{account}{how}"))?;
    match store.logins()?.as_slice() {
        [only] if only.current && login.current => {
            let left = only.account.as_deref().unwrap_or("the account without a name");
            reporter.line(&format!("the current account of {name} is now {left}"))
        }
        _ => Ok(()),
    }
}

/// RFC 7009: the refresh token first, with which the provider ends the whole grant.
pub(super) fn revoke(client: &Client<'_>, set: &TokenSet) -> Result<Revoked, Error> {
    let TokenSet { access, refresh, .. } = set;
    // An ID token in its place is nothing that a provider revokes.
    let access = access.as_ref().filter(|_| client.provider.token == TokenKind::Access);
    let tokens = [(refresh.as_ref(), "refresh_token"), (access, "access_token")];
    let tokens: Vec<(&Secret, &str)> = tokens.into_iter().filter_map(|(token, kind)| Some((token?, kind))).collect();
    if tokens.is_empty() {
        return Ok(Revoked::No);
    }
    let endpoints = client.endpoints(&[Endpoint::Revocation])?;
    if endpoints.get(Endpoint::Revocation).is_none() {
        return Ok(Revoked::Nowhere);
    }
    for (number, (token, kind)) in tokens.into_iter().enumerate() {
        let fields = [("token", token.expose()), ("token_type_hint", kind)];
        let outcome = client.post(&endpoints, Endpoint::Revocation, &fields);
        match outcome {
            Ok((answer, _)) if answer.is_success() => {}
            // The first revocation ends the grant; the second is for providers that revoke each token alone.
            _ if number > 0 => {}
            Ok((answer, host)) => return Err(refused(client, &answer, &host)),
            Err(error) => return Err(error),
        }
    }
    Ok(Revoked::Yes)
}

/// Only what may change by itself is worth another try.
fn refused(client: &Client<'_>, answer: &Answer, host: &str) -> Error {
    let status = answer.status;
    if answer.may_change() {
        return Error::unavailable(format!("{host} answered {status} to the revocation"));
    }
    let provider = client.provider;
    let public =
        matches!(status, 400 | 401 | 403) && provider.client_secret.is_none() && provider.client_assertion.is_none();
    let why = if public { "; it may want a client secret, which this client does not have" } else { "" };
    provider.error(format!("{host} refused the revocation with status {status}{why}"))
}

fn to_local(error: &Error, login: &str) -> Error {
    let logout = login.replacen(" login ", " logout ", 1);
    Error::new(
        error.class(),
        format!("{error}; nothing was removed; to forget the tokens here alone, run: {logout} --local"),
    )
}
