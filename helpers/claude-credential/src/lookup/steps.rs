use std::time::Instant;

use claude_credential_protocol::{Error, Request, text};

use super::{CacheView, Observer, Refused, SkipTrace, Slot, remember};
use crate::chain::{self, Availability, EntryOutcome, Resolved, ResolvedEntry, Skip, program};
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;

/// No user nests chains deeper than this.
pub(crate) const MAX_DEPTH: usize = 8;

/// What a lookup may do.
#[derive(Clone, Copy)]
pub(crate) enum Mode<'a> {
    /// Asks entries, shares the outcome with other processes, and keeps the answer.
    Run,
    /// Asks entries, but takes no lock and writes nothing.
    DryRun,
    /// Asks no entry. The function tells, without asking, whether an entry has a credential.
    Peek(&'a dyn Fn(&ResolvedEntry) -> Result<bool, Error>),
}

/// What a lookup finds.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Answer(Box<Resolved>),
    /// A peek reached this entry, which a run would ask now.
    WouldAsk(&'a ResolvedEntry),
}

impl Found<'_> {
    pub(super) fn answer(answer: impl Into<Resolved>) -> Self {
        Self::Answer(Box::new(answer.into()))
    }

    /// The answer of a lookup that is no peek.
    pub(super) fn into_answer(self) -> Result<Resolved, Failure> {
        match self {
            Self::Answer(answer) => Ok(*answer),
            Self::WouldAsk(entry) => Err(Error::broke(format!("entry {} was not asked", entry.name())).into()),
        }
    }
}

/// The steps of a lookup, which [`super`] puts in order.
pub(super) struct Steps<'a, 'o> {
    pub(super) context: &'a Context,
    pub(super) query: &'a Query,
    pub(super) mode: Mode<'o>,
    pub(super) observer: &'o mut dyn Observer,
    skips: SkipTrace,
}

impl<'a, 'o> Steps<'a, 'o> {
    pub(super) fn new(context: &'a Context, query: &'a Query, mode: Mode<'o>, observer: &'o mut dyn Observer) -> Self {
        Self { context, query, mode, observer, skips: SkipTrace::default() }
    }

    /// Refuses a chain that calls itself before it does so a second time. A peek asks no entry, so it can't recurse, and
    /// must not leave the mark by which the process above learns that its setting calls itself.
    pub(super) fn reject_recursion(&self) -> Result<(), Error> {
        if self.is_peek() {
            return Ok(());
        }
        let Context { active, folders, .. } = self.context;
        let mut settings =
            self.query.chain.iter().filter(|entry| entry.is_live()).filter_map(|entry| entry.runs_setting);
        let leads_back = settings.any(|setting| active.leads_back(setting, &folders.runtime));
        if leads_back || active.depth() >= MAX_DEPTH { Err(recursion()) } else { Ok(()) }
    }

    /// Refuses a query that a parent process already makes, since the parent waits for this process.
    pub(super) fn reject_own_key(&self, key: &str) -> Result<(), Error> {
        if !self.is_peek() && self.context.active.contains(key) { Err(recursion()) } else { Ok(()) }
    }

    fn is_peek(&self) -> bool {
        matches!(self.mode, Mode::Peek(_))
    }

    /// The slot in which the answer is kept; otherwise why none is kept.
    pub(super) fn slot(&self, entries: &[ResolvedEntry]) -> Result<Slot<'a>, String> {
        if self.context.options.no_cache {
            return Err("--no-cache".to_owned());
        }
        if !entries.iter().any(ResolvedEntry::is_live) {
            return Err("the chain has nothing that could be kept".to_owned());
        }
        let Some(cache) = self.context.cache() else {
            return Err(format!("{} can't be used", text::shown_path(&self.context.folders.runtime)));
        };
        Ok(Slot::of(self.context, self.query, cache))
    }

    /// The kept answer, if it serves and is not the refused one.
    pub(super) fn kept(&mut self, slot: &Slot<'_>, refused: Option<&Refused>) -> Option<Found<'a>> {
        let Some(cached) = slot.kept() else {
            let erased = if matches!(self.mode, Mode::DryRun) { slot.erased() } else { None };
            self.observer.cache(CacheView::Empty(erased.and_then(|erased| erased.entry)));
            return None;
        };
        let staleness = slot.staleness(&cached, refused);
        self.observer.cache(CacheView::Kept(&cached, staleness));
        if staleness.is_some() {
            return None;
        }
        if matches!(self.mode, Mode::Run) && refused.is_none() {
            remember(self.context, self.query, &slot.key, &cached.entry);
        }
        Some(Found::answer(cached))
    }

    /// Asks entries until one ends the lookup. If none does, the error lists the reasons of all.
    pub(super) fn ask_all(
        &mut self,
        entries: &'a [ResolvedEntry],
        key: &str,
        refused: Option<&Refused>,
    ) -> Result<Found<'a>, Failure> {
        let found = self.ask(entries, key, refused)?;
        found.ok_or_else(|| self.skips.clone().into_error(&self.query.request, &self.query.profile).into())
    }

    /// Asks entries until one ends the lookup; `None` if none does.
    pub(super) fn ask(
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
                    Ok(false) => EntryOutcome::Skipped(Skip::new("it has no credential")),
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

    /// Whether a run would get a credential from an entry, as far as that can be told without asking it.
    fn peek(&self, entry: &ResolvedEntry, has: &dyn Fn(&ResolvedEntry) -> Result<bool, Error>) -> Result<bool, Error> {
        match &entry.availability {
            Availability::Broken(error) => Err(error.clone()),
            _ if program::is_missing(self.context, entry) => Ok(false),
            _ => has(entry),
        }
    }

    /// The request to an entry. Only the entry that gave the refused secret gets it as `rejected`.
    fn request(&self, entry: &ResolvedEntry, refused: Option<&Refused>) -> Request {
        if !entry.is_live() {
            return Request::default();
        }
        let refused = refused.filter(|refused| refused.entry.as_deref() == Some(entry.name()));
        let rejected = refused.map(|refused| refused.secret.clone());
        Request { rejected, interactive: self.context.interactive(), ..self.query.request.clone() }
    }
}

fn recursion() -> Error {
    Error::config(
        "the chain calls itself: an entry or setting of it runs this very command; name another profile there",
    )
}
