//! One lookup of a credential. This is the only place that knows the order:
//!
//! 1. the entries at the beginning of the chain that answer from variables and descriptors;
//! 2. the kept answer, if it serves;
//! 3. the other entries, asked by one process while all others that want the same wait for it and share the outcome;
//! 4. if none of them can be reached: a kept answer that is merely due for renewal.
//!
//! `print`, `get`, `exec` and `api-key-helper` run it, `explain` makes a dry run, and `status` peeks.

pub(crate) mod key;
pub(crate) mod observer;
mod recursion;
mod remember;
mod single_flight;
mod skip_trace;
mod slot;

use std::time::Instant;

use claude_credential_protocol::{Class, Error, Request, Secret};

use crate::cache::hash::KeyedHasher;
use crate::chain;
use crate::chain::entry::{Availability, EntryOutcome, Resolved, ResolvedEntry, Skip};
use crate::chain::program;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;

use observer::{CacheView, Observer};
use recursion::reject_recursion;
pub(crate) use recursion::{MAX_DEPTH, recursion};
use single_flight::SingleFlight;
use skip_trace::SkipTrace;
use slot::Slot;

/// What a lookup may do.
#[derive(Clone, Copy)]
pub(crate) enum Mode<'a> {
    /// It asks entries, shares the outcome with other processes, and keeps the answer.
    Run,
    /// It asks entries, takes no lock and writes nothing.
    DryRun,
    /// It asks no entry. The function tells, without asking, whether an entry has something to give.
    Peek(&'a dyn Fn(&ResolvedEntry) -> Result<bool, Error>),
}

/// What a lookup finds.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Answer(Box<Resolved>),
    /// A peek got as far as this entry, which a run would ask now.
    WouldAsk(&'a ResolvedEntry),
}

/// A secret that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) secret: Secret,
    /// The entry that gave it, the only one to be told; `None` if that is not known.
    pub(crate) entry: Option<String>,
    /// The answer that holds it, if the refusal is inferred from Claude Code coming back for a key too soon. The inference
    /// may be wrong, and Claude Code comes back for ever, so runs are throttled; in between this answer is served.
    pub(crate) inferred: Option<Resolved>,
}

/// The answer to `query`: kept, shared, or new.
pub(crate) fn run(context: &Context, query: &Query, refused: Option<Refused>) -> Result<Resolved, Failure> {
    let mut log = &context.log;
    match Lookup::new(context, query, Mode::Run, &mut log).go(refused)? {
        Found::Answer(answer) => Ok(*answer),
        Found::WouldAsk(entry) => Err(Error::broke(format!("entry {} was not asked", entry.name())).into()),
    }
}

/// What [`run`] would come to, less everything that it writes.
pub(crate) fn dry_run(context: &Context, query: &Query, observer: &mut dyn Observer) -> Result<Resolved, Failure> {
    match Lookup::new(context, query, Mode::DryRun, observer).go(None)? {
        Found::Answer(answer) => Ok(*answer),
        Found::WouldAsk(entry) => Err(Error::broke(format!("entry {} was not asked", entry.name())).into()),
    }
}

/// How far [`run`] would get without asking an entry. `has` tells, without asking, whether an entry has something to give.
pub(crate) fn peek<'a>(
    context: &'a Context,
    query: &'a Query,
    has: &dyn Fn(&ResolvedEntry) -> Result<bool, Error>,
    observer: &mut dyn Observer,
) -> Result<Found<'a>, Failure> {
    Lookup::new(context, query, Mode::Peek(has), observer).go(None)
}

/// The kept answer, stale or not: what the last call for this query was given.
pub(crate) fn last(context: &Context, query: &Query) -> Option<Resolved> {
    let (_, entries) = query.leading_variables();
    entries.iter().any(ResolvedEntry::is_live).then_some(())?;
    Slot::of(context, query, context.cache()?).kept().map(Resolved::from)
}

/// The key that identifies lookups of `query` to the processes that they start.
pub(crate) fn key_of(context: &Context, query: &Query) -> String {
    match context.cache() {
        Some(cache) => key::of_query(&cache.hasher, query, context),
        None => key::of_query(&KeyedHasher::new([0; 32]), query, context),
    }
}

struct Lookup<'a, 'o> {
    context: &'a Context,
    query: &'a Query,
    mode: Mode<'o>,
    observer: &'o mut dyn Observer,
    skips: SkipTrace,
}

impl<'a, 'o> Lookup<'a, 'o> {
    fn new(context: &'a Context, query: &'a Query, mode: Mode<'o>, observer: &'o mut dyn Observer) -> Self {
        Self { context, query, mode, observer, skips: SkipTrace::default() }
    }

    /// The order. Nothing else in the program knows it.
    fn go(mut self, refused: Option<Refused>) -> Result<Found<'a>, Failure> {
        reject_recursion(self.context, self.query)?;
        let (variables, entries) = self.query.leading_variables();
        // What these run never asks us anything, so no key is handed down.
        if let Some(found) = self.ask(variables, "variable", None)? {
            return Ok(found);
        }
        let slot = match self.slot(entries) {
            Ok(slot) => slot,
            Err(reason) => {
                self.observer.cache(CacheView::NotUsed(reason));
                let key = key_of(self.context, self.query);
                self.reject_own_key(&key)?;
                return self.ask_all(entries, &key, refused.as_ref());
            }
        };
        // Whoever reports a refusal looks again under the lock: by then another process may have replaced the answer.
        if refused.is_none()
            && let Some(answer) = self.kept(&slot, None)
        {
            return Ok(answer);
        }
        self.reject_own_key(&slot.key)?;
        let is_refused = refused.is_some();
        let outcome = match self.mode {
            Mode::Run => SingleFlight { lookup: &mut self, slot: &slot, entries }.go(refused),
            Mode::DryRun | Mode::Peek(_) => self.ask_all(entries, &slot.key, refused.as_ref()),
        };
        match outcome {
            Err(failure) if !is_refused && failure.class() == Some(Class::Unavailable) => {
                slot.merely_due().map(|cached| Found::Answer(Box::new(cached.into()))).ok_or(failure)
            }
            outcome => outcome,
        }
    }

    /// A process above this one asks the very same, and waits for it.
    fn reject_own_key(&self, key: &str) -> Result<(), Error> {
        if self.context.active.contains(key) { Err(recursion()) } else { Ok(()) }
    }

    /// Where the answer is kept; else why no answer is.
    fn slot(&self, entries: &[ResolvedEntry]) -> Result<Slot<'a>, String> {
        if self.context.options.no_cache {
            return Err("--no-cache".to_owned());
        }
        if !entries.iter().any(ResolvedEntry::is_live) {
            return Err("the chain has nothing that could be kept".to_owned());
        }
        let Some(cache) = self.context.cache() else {
            return Err(format!("{} can't be used", self.context.folders.runtime.display()));
        };
        Ok(Slot::of(self.context, self.query, cache))
    }

    /// The kept answer, if it serves and is not the refused one.
    fn kept(&mut self, slot: &Slot<'_>, refused: Option<&Refused>) -> Option<Found<'a>> {
        let Some(cached) = slot.kept() else {
            let erased = if matches!(self.mode, Mode::DryRun) { slot.erased() } else { None };
            self.observer.cache(CacheView::Empty(erased.map(|cached| cached.entry)));
            return None;
        };
        let staleness = slot.staleness(&cached, refused);
        self.observer.cache(CacheView::Kept(&cached, staleness));
        if staleness.is_some() {
            return None;
        }
        if matches!(self.mode, Mode::Run) && refused.is_none() {
            remember::remember(self.context, self.query, &slot.key, &cached.entry);
        }
        Some(Found::Answer(Box::new(cached.into())))
    }

    /// Asks entries until one ends the lookup; the error that lists their reasons if none does.
    fn ask_all(
        &mut self,
        entries: &'a [ResolvedEntry],
        key: &str,
        refused: Option<&Refused>,
    ) -> Result<Found<'a>, Failure> {
        let found = self.ask(entries, key, refused)?;
        found.ok_or_else(|| self.skips.clone().into_error(&self.query.request, &self.query.profile.name).into())
    }

    fn ask(
        &mut self,
        entries: &'a [ResolvedEntry],
        key: &str,
        refused: Option<&Refused>,
    ) -> Result<Option<Found<'a>>, Failure> {
        for entry in entries {
            let started = Instant::now();
            let outcome = match self.mode {
                Mode::Peek(has) if entry.is_live() => match self.peek(entry, has) {
                    Ok(true) => return Ok(Some(Found::WouldAsk(entry))),
                    Ok(false) => EntryOutcome::Skipped(Skip::because("it has nothing")),
                    Err(error) => entry.failed(error),
                },
                _ => chain::consult(self.context, entry, &self.request(entry, refused), key)?,
            };
            let is_asked = matches!(entry.availability, Availability::Ready | Availability::Variable);
            self.observer.entry(entry, &outcome, is_asked.then(|| started.elapsed()));
            match outcome {
                EntryOutcome::Found(answer) => return Ok(Some(Found::Answer(answer))),
                EntryOutcome::Failed(error) => return Err(Failure::Entry(entry.name().to_owned(), error)),
                EntryOutcome::Skipped(skip) => self.skips.note(entry.name(), &skip),
            }
        }
        Ok(None)
    }

    /// Whether a run would get something from an entry, as far as that can be told without asking it.
    fn peek(&self, entry: &ResolvedEntry, has: &dyn Fn(&ResolvedEntry) -> Result<bool, Error>) -> Result<bool, Error> {
        match &entry.availability {
            Availability::Broken(error) => Err(error.clone()),
            _ if program::is_missing(self.context, entry) => Ok(false),
            _ => has(entry),
        }
    }

    /// The request to an entry. Only the entry that gave the refused secret is told of the refusal.
    fn request(&self, entry: &ResolvedEntry, refused: Option<&Refused>) -> Request {
        if !entry.is_live() {
            return Request::default();
        }
        let own = refused.filter(|refused| refused.entry.as_deref() == Some(entry.name()));
        let rejected = own.map(|refused| refused.secret.clone());
        Request { rejected, interactive: self.context.interactive(), ..self.query.request.clone() }
    }
}
