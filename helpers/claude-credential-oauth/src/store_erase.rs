//! `store` and `erase` of a provider's tokens.

use std::time::Instant;

use claude_credential_config::{Provider, SourceContext};
use claude_credential_files::Lock;
use claude_credential_protocol::{Credential, Error, Secret, now, parse_token};

use crate::binding;
use crate::client::{Client, is_for};
use crate::flows::federation::prepared;
use crate::token_store::TokenStore;
use crate::tokens::TokenSet;

/// Stores tokens that a caller brings, as if the user had signed in here. git stores every credential that worked, so a
/// token that we already have, or an older one that we replaced, is ignored.
pub(crate) fn store(
    context: &SourceContext<'_>,
    provider: &Provider,
    access: &Secret,
    new: &Credential,
) -> Result<(), Error> {
    let request = context.request;
    let is_over = new.is_expired() && new.refresh_token.is_none();
    if !is_for(request, provider) || new.ephemeral || is_over {
        return Ok(());
    }
    let checked = |secret: &Secret, what: &str| {
        parse_token(secret.expose().as_bytes())
            .map_err(|problem| Error::config(format!("what was to be stored is no {what}: {problem}")))
    };
    let access = checked(access, "access token")?;
    let refresh = new.refresh_token.as_ref().map(|token| checked(token, "refresh token")).transpose()?;
    let provider = &prepared(provider, context.environment)?;
    let client = Client::of(context, provider);
    let tokens = TokenStore::new(context.folders, provider, request.patience());
    let current = tokens.find(None)?.and_then(|login| login.account);
    let account = request.username.clone().or(current);
    let account = account.as_deref();
    let _lock = lock(&tokens, account, client.until)?;
    let old = tokens.exactly(account)?.map(|login| tokens.read(&login)).transpose()?.flatten();
    if let Some(old) = &old {
        let same = old.access.as_ref() == Some(&access) && (refresh.is_none() || refresh == old.refresh);
        if same || old.has_replaced(&access) {
            return Ok(());
        }
    }
    let set = TokenSet {
        access: Some(access),
        expires_at: new.expires_at,
        obtained: now() / 1000,
        refresh,
        who: new.account.clone(),
        binding: binding::of(&client),
        ..TokenSet::default()
    };
    let set = match &old {
        // A caller may know the access token alone: the refresh token stays, unless it was refused or belongs to other
        // settings.
        Some(old) if set.refresh.is_none() && !old.refused && binding::is_usable(&client, old) => set.of_sign_in(old),
        Some(old) => set.superseding(old),
        None => set,
    };
    tokens.keep(account, &set, false).map(|_| ())
}

/// Erases the access token if it is `secret`. The refresh token stays, unless it is `secret` or was refused.
pub(crate) fn erase(context: &SourceContext<'_>, provider: &Provider, secret: Option<&Secret>) -> Result<(), Error> {
    let request = context.request;
    if !is_for(request, provider) {
        return Ok(());
    }
    let until = Instant::now() + request.patience();
    let tokens = TokenStore::new(context.folders, provider, request.patience());
    for login in tokens.logins()? {
        // As in git's own helpers, a request without an account matches every account.
        if request.username.is_some() && login.account != request.username {
            continue;
        }
        let account = login.account.as_deref();
        let _lock = lock(&tokens, account, until)?;
        let Some(login) = tokens.exactly(account)? else { continue };
        let Some(set) = tokens.read(&login)? else { continue };
        let is_it = |kept: &Option<Secret>| kept.is_some() && secret.is_none_or(|secret| kept.as_ref() == Some(secret));
        let (is_access, is_refresh) = (is_it(&set.access), is_it(&set.refresh));
        if (is_refresh && secret.is_some()) || (set.refused && (is_access || is_refresh)) {
            tokens.forget(&login)?;
        } else if is_access && set.refresh.is_some() {
            tokens.keep(account, &set.erased(), false)?;
        } else if is_access {
            tokens.forget(&login)?;
        }
    }
    Ok(())
}

fn lock(tokens: &TokenStore<'_>, account: Option<&str>, until: Instant) -> Result<Lock, Error> {
    let patience = until.saturating_duration_since(Instant::now());
    Ok(tokens.lock(account, patience)?)
}
