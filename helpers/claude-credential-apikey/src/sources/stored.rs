use claude_credential_config::SourceContext;
use claude_credential_keychain::{ApiKeyStore, KeyName, Place};
use claude_credential_protocol::{Auth, Credential, Error, Request};

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let keys = ApiKeyStore::new(context.folders, context.request.patience());
    let Some(name) = find(&keys, context.request)? else { return Ok(None) };
    let Some((value, place)) = keys.find(&name)? else { return Ok(None) };
    let source = match place {
        Place::Keychain => "keychain".to_owned(),
        Place::File => keys.shown(&name, place),
    };
    let mut credential = Credential::new(Auth::ApiKey(value.secret)).from_source(source);
    credential.username = name.account;
    credential.expires_at = value.expires_at;
    Ok(Some(credential))
}

/// The key that a request means: the one with the longest path that it is for.
pub(crate) fn find(keys: &ApiKeyStore<'_>, request: &Request) -> Result<Option<KeyName>, Error> {
    let names = keys.names()?.into_iter().map(|(name, _)| name);
    let account = request.username.as_deref();
    let mut names: Vec<KeyName> = names
        .filter(|name| request.is_for(&name.host) && (account.is_none() || name.account.as_deref() == account))
        .collect();
    let longest = names.iter().map(|name| name.host.path().len()).max();
    names.retain(|name| Some(name.host.path().len()) == longest);
    Ok(one(names, account))
}

/// The key at `wanted`'s very host and path.
pub(crate) fn select(keys: &ApiKeyStore<'_>, wanted: &KeyName) -> Result<Option<KeyName>, Error> {
    let names = keys.names()?.into_iter().map(|(name, _)| name);
    Ok(one(names.filter(|name| name.host == wanted.host).collect(), wanted.account.as_deref()))
}

/// Of the keys of one host, that of the account; without an account, the key that has none, or else the only one.
/// `None` if several accounts match.
fn one(mut names: Vec<KeyName>, account: Option<&str>) -> Option<KeyName> {
    if let Some(exact) = names.iter().position(|name| name.account.as_deref() == account) {
        return Some(names.swap_remove(exact));
    }
    names.pop().filter(|_| names.is_empty() && account.is_none())
}
