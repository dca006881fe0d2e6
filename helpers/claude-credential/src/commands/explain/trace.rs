//! What a lookup sees and decides, as rows. They are recorded by an observer of a dry run of the lookup itself.

use std::time::{Duration, Instant};

use claude_credential_config::Program;
use claude_credential_protocol::{Credential, Error, Request};
use serde::Serialize;

use crate::cache::{Cached, Staleness};
use crate::chain::{self, AnswerOrigin, Availability, EntryOutcome, Resolved, ResolvedEntry, program};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::observer::{CacheView, Observer};
use crate::lookup::{self, key};
use crate::query::Query;
use crate::token_output::checked;

/// The outcome of a lookup, and what led to it.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) cache: CacheState,
    pub(crate) rows: Vec<Row>,
    /// The winner, or why there is none.
    pub(crate) outcome: Result<Resolved, Failure>,
}

/// What the cache has for a lookup, recorded from a [`CacheView`].
#[derive(Debug)]
pub(crate) enum CacheState {
    /// The lookup did not read the cache, for this reason.
    NotAsked(String),
    /// No answer; the entry whose answer was erased, if there was one.
    Empty(Option<String>),
    /// An answer, which serves unless it is stale.
    Kept(Box<Cached>, Option<Staleness>),
}

/// An entry of the chain, and what it gave.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) entry: String,
    pub(crate) mark: Mark,
    pub(crate) state: RowState,
    /// How long the entry took; `None` if it was not asked.
    pub(crate) took: Option<Duration>,
}

/// What an entry means for the lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mark {
    /// Its answer is the answer of the lookup.
    Wins,
    /// It has nothing, or is not asked.
    Skipped,
    /// It failed, and that ends the lookup.
    Stops,
    /// It failed, and the lookup goes on.
    Fails,
    /// It has an answer, but comes after the entry that decides.
    Answers,
}

/// What is known of an entry.
#[derive(Debug)]
pub(crate) enum RowState {
    /// There is nothing to ask, for this reason.
    Skipped(String),
    /// It was not asked, for this reason.
    NotAsked(String),
    /// It was asked and gave nothing, for this reason.
    Nothing(String),
    Answer(Box<Credential>),
    Failed(Error),
}

/// Makes a dry run of the lookup. With `all`, the entries after the one that decides are asked as well.
pub(crate) fn trace(context: &Context, query: &Query, all: bool) -> Result<Trace, Failure> {
    let mut recorder = Recorder { context, cache: None, rows: Vec::new() };
    let outcome = lookup::dry_run(context, query, &mut recorder);
    if let Err(interrupted @ Failure::Interrupted(_)) = outcome {
        return Err(interrupted);
    }
    let Recorder { cache, mut rows, .. } = recorder;
    let (decided, is_recursion) = decided_by(&rows, &outcome);
    for entry in &query.chain[rows.len()..] {
        rows.push(undecided(context, query, entry, &decided, all && !is_recursion)?);
    }
    if let Some(winner) = outcome.as_ref().ok().filter(|winner| winner.origin == AnswerOrigin::Cache) {
        for row in &mut rows {
            match row.mark {
                _ if row.entry == winner.entry => row.mark = Mark::Wins,
                // The kept answer, which is merely due for renewal, serves in its place.
                Mark::Stops => row.mark = Mark::Fails,
                _ => {}
            }
        }
    }
    let cache = cache.unwrap_or(CacheState::NotAsked(decided));
    Ok(check_token(context, Trace { cache, rows, outcome }))
}

/// Why the lookup asks no further entry, and whether the reason is that the chain calls itself.
fn decided_by(rows: &[Row], outcome: &Result<Resolved, Failure>) -> (String, bool) {
    let last = rows.last().map(|row| (row.mark, row.entry.as_str()));
    match (last, outcome) {
        (Some((Mark::Stops, entry)), _) => (format!("{entry} ends the search"), false),
        (_, Ok(answer)) if answer.origin == AnswerOrigin::Cache => {
            (format!("the kept answer of {} serves", answer.entry), false)
        }
        (_, Ok(answer)) => (format!("{} answers before it", answer.entry), false),
        (_, Err(_)) => ("the chain calls itself".to_owned(), true),
    }
}

/// The row of an entry that comes after the one that decides. `asks` is whether it is asked all the same.
fn undecided(
    context: &Context,
    query: &Query,
    entry: &ResolvedEntry,
    decided: &str,
    asks: bool,
) -> Result<Row, Failure> {
    if entry.is_live() && !program::is_missing(context, entry) && !asks {
        let (entry, state) = (entry.name().to_owned(), RowState::NotAsked(decided.to_owned()));
        return Ok(Row { entry, mark: Mark::Skipped, state, took: None });
    }
    let started = Instant::now();
    let request = Request { interactive: context.interactive(), ..query.request.clone() };
    let outcome = chain::consult(context, entry, &request, &key::of_lookup(context, query))?;
    let mut row = row(context, entry, &outcome, is_asked(context, entry).then(|| started.elapsed()));
    row.mark = match row.mark {
        Mark::Wins => Mark::Answers,
        Mark::Stops => Mark::Fails,
        mark => mark,
    };
    Ok(row)
}

/// If the lookup is for Claude Code, turns an answer that it would refuse, because it is not one token, into a failure.
fn check_token(context: &Context, trace: Trace) -> Trace {
    let Some(winner) = trace.outcome.as_ref().ok().filter(|_| context.for_client) else { return trace };
    let Err(error) = checked(winner.credential.auth.secret(), &winner.entry) else { return trace };
    let mut rows = trace.rows;
    rows.iter_mut().filter(|row| row.mark == Mark::Wins).for_each(|row| row.mark = Mark::Stops);
    Trace { rows, outcome: Err(error.into()), ..trace }
}

/// The observer that records rows.
struct Recorder<'a> {
    context: &'a Context,
    cache: Option<CacheState>,
    rows: Vec<Row>,
}

impl Observer for Recorder<'_> {
    fn cache(&mut self, view: CacheView<'_>) {
        self.cache = Some(match view {
            CacheView::NotUsed(reason) => CacheState::NotAsked(reason),
            CacheView::Empty(erased) => CacheState::Empty(erased),
            CacheView::Kept(cached, staleness) => CacheState::Kept(Box::new(cached.clone()), staleness),
        });
    }

    fn entry(&mut self, entry: &ResolvedEntry, outcome: &EntryOutcome, took: Option<Duration>) {
        let took = took.filter(|_| is_asked(self.context, entry));
        self.rows.push(row(self.context, entry, outcome, took));
    }
}

fn is_asked(context: &Context, entry: &ResolvedEntry) -> bool {
    matches!(entry.availability, Availability::Ready | Availability::Variable) && !program::is_missing(context, entry)
}

fn row(context: &Context, entry: &ResolvedEntry, outcome: &EntryOutcome, took: Option<Duration>) -> Row {
    let (mark, state) = match outcome {
        EntryOutcome::Found(answer) => (Mark::Wins, RowState::Answer(Box::new(answer.credential.clone()))),
        EntryOutcome::Failed(error) => (Mark::Stops, RowState::Failed(error.clone())),
        EntryOutcome::Skipped(skip) => match (&skip.failed, missing_helper(context, entry)) {
            (Some(error), _) => (Mark::Fails, RowState::Failed(error.clone())),
            (None, Some(missing)) => (Mark::Skipped, RowState::Skipped(missing)),
            (None, None) if took.is_some() => (Mark::Skipped, RowState::Nothing(skip.reason.clone())),
            (None, None) => (Mark::Skipped, RowState::Skipped(skip.reason.clone())),
        },
    };
    Row { entry: entry.name().to_owned(), mark, state, took }
}

fn missing_helper(context: &Context, entry: &ResolvedEntry) -> Option<String> {
    let Program::Helper { name, .. } = entry.program() else { return None };
    let is_missing = entry.is_live() && program::is_missing(context, entry);
    is_missing.then(|| format!("claude-credential-{name} is not installed"))
}
