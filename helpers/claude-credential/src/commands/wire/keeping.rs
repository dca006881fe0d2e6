//! `store` and `erase`: what becomes of a credential that somebody else found good or bad.

use std::fs;

use claude_credential_config::generation;
use claude_credential_files::create_new;
use claude_credential_protocol::{Auth, Credential, Message, Operation, Request, Secret, now};

use crate::cache::Cache;
use crate::cache::caller;
use crate::cache::state::State;
use crate::chain::Link;
use crate::chain::program;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Ask;

/// The ending of files whose name says what was handed out, and that hold nothing.
const GIVEN: &str = "given";

/// Hands `credential` to the one entry that keeps keys, unless it came from us in the first place: git offers every
/// credential that worked to every helper, and drops the `ephemeral` mark on the way, so a key from a variable or a
/// vault would end up in the keychain.
pub(crate) fn store(context: &Context, ask: &Ask, credential: &Credential) -> Result<(), Failure> {
    let is_key = matches!(credential.auth, Auth::ApiKey(_) | Auth::Bearer(_));
    let is_over = credential.expires_at.is_some_and(|at| at <= now() / 1000);
    if credential.ephemeral || is_over || !is_key || comes_from_us(context, credential.auth.secret()) {
        return Ok(());
    }
    let Some(link) = ask.store_entry() else { return Ok(()) };
    let refresh_token = credential.refresh_token.clone().filter(|_| link.entry.refresh_token);
    tell(context, link, ask, Operation::Store, Some(&Credential { refresh_token, ..credential.clone() }))
}

/// Drops the cached answer if it is that very secret, so that the next `get` tells the entry that gave it; and lets the
/// entry that keeps keys forget it, if it has it. Without a secret, whatever there is.
pub(crate) fn erase(context: &Context, ask: &Ask, credential: Option<&Credential>) -> Result<(), Failure> {
    if let Some(cache) = Cache::of(context) {
        take_back(context, cache, &ask.request, credential);
    }
    let Some(link) = ask.store_entry() else { return Ok(()) };
    tell(context, link, ask, Operation::Erase, credential)
}

/// Every cached answer for that place, whichever command it was cached for: scripts and the client have keys of their
/// own where their chains differ.
fn take_back(context: &Context, cache: &Cache, request: &Request, erased: Option<&Credential>) {
    let files = fs::read_dir(cache.folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in files.filter(|path| path.extension().is_some_and(|ending| ending == "cache")) {
        let Some(cached) = Cache::read(&path, context) else { continue };
        let is_there = cached.origin == (request.protocol.clone(), request.host.clone())
            && (request.username.is_none() || request.username == cached.credential.username);
        if is_there && erased.is_none_or(|erased| erased.auth.secret() == cached.credential.auth.secret()) {
            let _ = fs::rename(&path, path.with_extension("refused"));
        }
    }
}

fn tell(
    context: &Context,
    link: &Link,
    ask: &Ask,
    operation: Operation,
    credential: Option<&Credential>,
) -> Result<(), Failure> {
    let message = match credential {
        // A `store` or `erase` is an answer and a request in one, as in git.
        Some(credential) => described(&ask.request, credential.answer(&ask.request)?)?,
        None => ask.request.to_message()?,
    };
    program::tell(context, link, operation, message, operation.name())?;
    if !program::is_suite_entry(&link.entry) {
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
    in_variable || Cache::of(context).is_some_and(|cache| is_known(context, cache, secret))
}

/// Remembers that a secret which nobody may keep was handed out: git will offer it for keeping all the same.
pub(crate) fn note_given(context: &Context, secret: &Secret) {
    let Some(cache) = Cache::of(context) else { return };
    let path = cache.file(&cache.keyed.fingerprint(secret).to_hex(), GIVEN);
    if let Err(problem) = create_new(&path, b"") {
        context.log.complain(&problem);
    }
}

fn is_known(context: &Context, cache: &Cache, secret: &Secret) -> bool {
    let wanted = cache.keyed.fingerprint(secret);
    if cache.file(&wanted.to_hex(), GIVEN).exists() {
        return true;
    }
    let files = fs::read_dir(cache.folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    files.into_iter().any(|path| match path.extension().and_then(std::ffi::OsStr::to_str) {
        Some("cache" | "refused" | "shared") => {
            Cache::read(&path, context).is_some_and(|cached| cached.credential.auth.secret() == secret)
        }
        Some("state") => State::read(&path, context).given == Some(wanted),
        Some("caller") => caller::fingerprint_in(&path, &cache.keyed) == Some(wanted),
        _ => false,
    })
}
