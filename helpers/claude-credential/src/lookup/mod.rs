//! One lookup of a credential. This is the only place that knows the order:
//!
//! 1. the entries at the beginning of the chain that answer from variables and descriptors;
//! 2. the kept answer, if it serves;
//! 3. the other entries, which one process asks while all others with the same key wait and share the outcome;
//! 4. if they can't be reached, a kept answer that is merely due for renewal.
//!
//! `print`, `get`, `exec` and `api-key-helper` run it, `explain` makes a dry run, and `status` peeks.

mod basis;
pub(crate) mod key;
pub(crate) mod observer;
mod remember;
mod single_flight;
mod skip_trace;
mod slot;
mod steps;

use claude_credential_protocol::{Class, Error};

use crate::cache::{Cached, KeyedHasher};
use crate::chain::{Resolved, ResolvedEntry};
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;

use basis::{Basis, Scope};
use observer::{CacheView, Observer};
use remember::remember;
use single_flight::SingleFlight;
use skip_trace::SkipTrace;
use slot::Slot;
use steps::{Mode, Steps};

pub(crate) use slot::Refused;
pub(crate) use steps::{Found, MAX_DEPTH};

/// The answer to `query`: kept, shared, or new.
pub(crate) fn run(context: &Context, query: &Query, refused: Option<Refused>) -> Result<Resolved, Failure> {
    let mut log = &context.log;
    find(&mut Steps::new(context, query, Mode::Run, &mut log), refused)?.into_answer()
}

/// The answer that [`run`] would give. Asks the entries as [`run`] does, but takes no lock and writes nothing.
pub(crate) fn dry_run(context: &Context, query: &Query, observer: &mut dyn Observer) -> Result<Resolved, Failure> {
    find(&mut Steps::new(context, query, Mode::DryRun, observer), None)?.into_answer()
}

/// How far [`run`] would get without asking an entry. `has` tells, without asking, whether an entry has a credential.
pub(crate) fn peek<'a>(
    context: &'a Context,
    query: &'a Query,
    has: &dyn Fn(&ResolvedEntry) -> Result<bool, Error>,
    observer: &mut dyn Observer,
) -> Result<Found<'a>, Failure> {
    find(&mut Steps::new(context, query, Mode::Peek(has), observer), None)
}

/// The kept answer, stale or not, which the last call for this query got; if there is none, the latest for this profile
/// and host under another key, such as Claude Code's.
pub(crate) fn last(context: &Context, query: &Query) -> Option<Resolved> {
    let (_, entries) = query.leading_variables();
    entries.iter().any(ResolvedEntry::is_live).then_some(())?;
    let cache = context.cache()?;
    let is_of_profile = |cached: &Cached| cached.profile == query.profile.name;
    let others = || cache.answers(&query.request, &context.log).map(|(_, cached)| cached).filter(is_of_profile);
    let kept = Slot::of(context, query, cache).kept().or_else(|| others().max_by_key(|cached| cached.obtained));
    kept.map(Resolved::from)
}

/// The order of the lookup. No other function knows it.
fn find<'a>(steps: &mut Steps<'a, '_>, refused: Option<Refused>) -> Result<Found<'a>, Failure> {
    steps.reject_recursion()?;
    let (variables, entries) = steps.query.leading_variables();
    // The helpers of these entries never call the dispatcher, so no key is handed down to them.
    if let Some(found) = steps.ask(variables, "variable", None)? {
        return Ok(found);
    }
    let slot = match steps.slot(entries) {
        Ok(slot) => slot,
        Err(reason) => {
            steps.observer.cache(CacheView::NotUsed(reason));
            let key = key::of_query(&KeyedHasher::unkeyed(), steps.query, steps.context);
            steps.reject_own_key(&key)?;
            return steps.ask_all(entries, &key, refused.as_ref());
        }
    };
    // Before anything is asked: if nothing else can be obtained or kept, the refused secret must not serve either.
    if let (Mode::Run, Some(Refused { secret, inferred: None, .. })) = (steps.mode, &refused) {
        slot.cache.invalidate(&steps.query.request, Some(secret), &steps.context.log);
    }
    // With a refusal, the kept answer is read under the lock: another process may have replaced it by then.
    if refused.is_none()
        && let Some(answer) = steps.kept(&slot, None)
    {
        return Ok(answer);
    }
    steps.reject_own_key(&slot.key)?;
    let is_refused = refused.is_some();
    let outcome = match steps.mode {
        Mode::Run => SingleFlight { steps, slot: &slot, entries }.go(refused),
        Mode::DryRun | Mode::Peek(_) => steps.ask_all(entries, &slot.key, refused.as_ref()),
    };
    match outcome {
        Err(failure) if !is_refused && failure.class() == Some(Class::Unavailable) => {
            slot.merely_due().map(Found::answer).ok_or(failure)
        }
        outcome => outcome,
    }
}
