//! `store` and `erase`: the caller found that a credential is good, or that it is not.

use std::ffi::OsStr;

use claude_credential_config::generation;
use claude_credential_files::create_new;
use claude_credential_protocol::{Auth, Credential, Message, Operation, Request, Secret};

use crate::cache::{Cache, State, caller};
use crate::chain::{ResolvedEntry, program};
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;

/// The ending of empty files whose names are the fingerprints of secrets that were handed out.
const GIVEN: &str = "given";

/// Hands `credential` to the entry that keeps keys, unless the dispatcher gave it out itself: git offers every credential
/// that worked to every helper, and drops the `ephemeral` mark on the way, so a key from a variable or a vault would end
/// up in the keychain.
pub(crate) fn store(context: &Context, query: &Query, credential: &Credential) -> Result<(), Failure> {
    let is_key = matches!(credential.auth, Auth::ApiKey(_) | Auth::Bearer(_));
    let may_be_kept = is_key && !credential.ephemeral && !credential.is_expired();
    if !may_be_kept || comes_from_us(context, credential.auth.secret()) {
        return Ok(());
    }
    let Some(entry) = query.store_entry() else { return Ok(()) };
    let refresh_token = credential.refresh_token.clone().filter(|_| entry.definition.refresh_token);
    tell(context, entry, query, Operation::Store, Some(&Credential { refresh_token, ..credential.clone() }))
}

/// Takes back every cached answer that holds the credential's secret, so that the next `get` tells the entry that gave it,
/// and tells the entry that keeps keys to erase it. Without a credential, both are for whatever is cached and kept.
pub(crate) fn erase(context: &Context, query: &Query, credential: Option<&Credential>) -> Result<(), Failure> {
    if let Some(cache) = context.cache() {
        cache.invalidate(&query.request, credential.map(|erased| erased.auth.secret()), &context.log);
    }
    let Some(entry) = query.store_entry() else { return Ok(()) };
    tell(context, entry, query, Operation::Erase, credential)
}

fn tell(
    context: &Context,
    entry: &ResolvedEntry,
    query: &Query,
    operation: Operation,
    credential: Option<&Credential>,
) -> Result<(), Failure> {
    let message = match credential {
        // The message of a `store` or `erase` holds an answer and a request, as in git.
        Some(credential) => with_request(&query.request, credential.answer(&query.request)?)?,
        None => query.request.to_message()?,
    };
    program::tell(context, entry, operation, &query.request, message)?;
    if !entry.definition.is_of_suite() {
        // Helpers of the suite begin a new generation themselves if they changed anything; others can't.
        generation::touch(&context.folders)?;
    }
    Ok(())
}

fn with_request(request: &Request, mut message: Message) -> Result<Message, Failure> {
    message.push("protocol", &request.protocol)?;
    message.push("host", &request.host)?;
    message.push_some("path", request.path.as_deref())?;
    message.push_some("username", request.username.as_deref())?;
    Ok(message)
}

/// Whether a secret is in a variable of this process, or was cached, run for or handed out during the last day.
fn comes_from_us(context: &Context, secret: &Secret) -> bool {
    let in_variable = context.environment.iter().any(|(_, value)| value == secret.expose());
    in_variable || context.cache().is_some_and(|cache| is_known(context, cache, secret))
}

/// Notes that a secret which may not be kept was handed out: git offers it to `store` all the same.
pub(crate) fn note_given(context: &Context, secret: &Secret) {
    let Some(cache) = context.cache() else { return };
    let path = cache.file(&cache.hasher.fingerprint(secret).to_hex(), GIVEN);
    if let Err(problem) = create_new(&path, b"") {
        context.log.complain(&problem);
    }
}

fn is_known(context: &Context, cache: &Cache, secret: &Secret) -> bool {
    let fingerprint = cache.hasher.fingerprint(secret);
    if cache.file(&fingerprint.to_hex(), GIVEN).exists() {
        return true;
    }
    cache.files().any(|path| match path.extension().and_then(OsStr::to_str) {
        Some("cache" | "refused" | "shared") => {
            Cache::read(&path, &context.log).is_some_and(|cached| cached.credential.auth.secret() == secret)
        }
        Some("state") => State::read(&path, &context.log).given == Some(fingerprint),
        Some("caller") => caller::fingerprint_in(&path, &cache.hasher) == Some(fingerprint),
        _ => false,
    })
}
