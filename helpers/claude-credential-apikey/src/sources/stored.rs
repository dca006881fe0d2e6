use claude_credential_config::SourceContext;
use claude_credential_keychain::{ApiKeyStore, KeyName, Place};
use claude_credential_protocol::{Auth, Credential, Error};

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let Some(wanted) = KeyName::of(context.request) else { return Ok(None) };
    let keys = ApiKeyStore::new(context.folders, context.request.patience());
    let Some(name) = select(&keys, &wanted)? else { return Ok(None) };
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

/// The key that `wanted` means: that of its account; without an account, the key that has none, or else the only key of
/// the host. `None` if several accounts match.
pub(crate) fn select(keys: &ApiKeyStore<'_>, wanted: &KeyName) -> Result<Option<KeyName>, Error> {
    let mut names = keys.names()?.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    names.retain(|name| name.origin == wanted.origin);
    if let Some(exact) = names.iter().position(|name| name == wanted) {
        return Ok(Some(names.swap_remove(exact)));
    }
    Ok(names.pop().filter(|_| names.is_empty() && wanted.account.is_none()))
}
