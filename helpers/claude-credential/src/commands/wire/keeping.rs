//! `store` and `erase`: what becomes of a credential that somebody else found good or bad.

use std::fs;

use claude_credential_config::generation;
use claude_credential_files::create_new;
use claude_credential_protocol::{Auth, Credential, Message, Operation, Request, Secret, now};

use crate::cache::Cache;
use crate::cache::caller;
use crate::cache::state::State;
use crate::chain::entry::ResolvedEntry;
use crate::chain::program;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;
use crate::suite::is_suite_entry;

/// The ending of files whose name says what was handed out, and that hold nothing.
const GIVEN: &str = "given";

/// Hands `credential` to the one entry that keeps keys, unless it came from us in the first place: git offers every
/// credential that worked to every helper, and drops the `ephemeral` mark on the way, so a key from a variable or a
/// vault would end up in the keychain.
pub(crate) fn store(context: &Context, query: &Query, credential: &Credential) -> Result<(), Failure> {
    let is_key = matches!(credential.auth, Auth::ApiKey(_) | Auth::Bearer(_));
    let is_over = credential.expires_at.is_some_and(|at| at <= now() / 1000);
    if credential.ephemeral || is_over || !is_key || comes_from_us(context, credential.auth.secret()) {
        return Ok(());
    }
    let Some(entry) = query.store_entry() else { return Ok(()) };
    let refresh_token = credential.refresh_token.clone().filter(|_| entry.definition.refresh_token);
    tell(context, entry, query, Operation::Store, Some(&Credential { refresh_token, ..credential.clone() }))
}

/// Drops the cached answer if it is that very secret, so that the next `get` tells the entry that gave it; and lets the
/// entry that keeps keys forget it, if it has it. Without a secret, whatever there is.
pub(crate) fn erase(context: &Context, query: &Query, credential: Option<&Credential>) -> Result<(), Failure> {
    if let Some(cache) = context.cache() {
        invalidate(context, cache, &query.request, credential);
    }
    let Some(entry) = query.store_entry() else { return Ok(()) };
    tell(context, entry, query, Operation::Erase, credential)
}

/// Every cached answer for that place, whichever command it was cached for: scripts and the client have keys of their
/// own where their chains differ.
fn invalidate(context: &Context, cache: &Cache, request: &Request, erased: Option<&Credential>) {
    let files = fs::read_dir(cache.folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "cache")) {
        let Some(cached) = Cache::read(&path, &context.log) else { continue };
        let is_there = cached.origin == (request.protocol.clone(), request.host.clone())
            && (request.username.is_none() || request.username == cached.credential.username);
        if is_there && erased.is_none_or(|erased| erased.auth.secret() == cached.credential.auth.secret()) {
            let _ = fs::rename(&path, path.with_extension("refused"));
        }
    }
}

fn tell(
    context: &Context,
    entry: &ResolvedEntry,
    query: &Query,
    operation: Operation,
    credential: Option<&Credential>,
) -> Result<(), Failure> {
    let message = match credential {
        // A `store` or `erase` is an answer and a request in one, as in git.
        Some(credential) => described(&query.request, credential.answer(&query.request)?)?,
        None => query.request.to_message()?,
    };
    program::tell(context, entry, operation, &query.request, message)?;
    if !is_suite_entry(&entry.definition) {
        // Ours say by themselves whether anything changed; of others nobody knows.
        generation::touch(&context.folders)?;
    }
    Ok(())
}

fn described(request: &Request, mut message: Message) -> Result<Message, Failure> {
    message.push("protocol", &request.protocol)?;
    message.push("host", &request.host)?;
    message.push_some("path", request.path.as_deref())?;
    message.push_some("username", request.username.as_deref())?;
    Ok(message)
}

/// Whether a secret stands in a variable of ours, or was an answer, a run or a hand-out of the last day.
fn comes_from_us(context: &Context, secret: &Secret) -> bool {
    let in_variable = context.environment.iter().any(|(_, value)| value == secret.expose());
    in_variable || context.cache().is_some_and(|cache| is_known(context, cache, secret))
}

/// Remembers that a secret which nobody may keep was handed out: git will offer it for keeping all the same.
pub(crate) fn note_given(context: &Context, secret: &Secret) {
    let Some(cache) = context.cache() else { return };
    let path = cache.file(&cache.hasher.fingerprint(secret).to_hex(), GIVEN);
    if let Err(problem) = create_new(&path, b"") {
        context.log.complain(&problem);
    }
}

fn is_known(context: &Context, cache: &Cache, secret: &Secret) -> bool {
    let wanted = cache.hasher.fingerprint(secret);
    if cache.file(&wanted.to_hex(), GIVEN).exists() {
        return true;
    }
    let files = fs::read_dir(cache.folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    files.into_iter().any(|path| match path.extension().and_then(std::ffi::OsStr::to_str) {
        Some("cache" | "refused" | "shared") => {
            Cache::read(&path, &context.log).is_some_and(|cached| cached.credential.auth.secret() == secret)
        }
        Some("state") => State::read(&path, &context.log).given == Some(wanted),
        Some("caller") => caller::fingerprint_in(&path, &cache.hasher) == Some(wanted),
        _ => false,
    })
}
