//! The walk that a run would make, with everything that it would pass over in silence.

use std::time::{Duration, Instant};

use claude_credential_config::Program;
use claude_credential_protocol::{Class, Credential, Error, now};

use crate::cache::hash::KeyedHasher;
use crate::cache::{Cache, Cached, Fault};
use crate::chain;
use crate::chain::program;
use crate::chain::{Link, Said as Nothings, Standing, Turn};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::key;
use crate::lookup::walk::{calls_itself, stop_at_ourselves};
use crate::query::Ask;
use crate::token_output::checked;

/// What a request comes to, and why.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) cache: CacheView,
    pub(crate) rows: Vec<Row>,
    pub(crate) winner: Option<Winner>,
    /// In its place.
    pub(crate) failure: Option<Failure>,
}

/// What would be handed out.
#[derive(Debug)]
pub(crate) struct Winner {
    pub(crate) entry: String,
    pub(crate) credential: Credential,
    /// It was kept from an earlier run.
    pub(crate) cached: bool,
}

/// What the cache has to do with it.
#[derive(Debug)]
pub(crate) enum CacheView {
    /// It was not looked at, for this reason.
    NotAsked(String),
    /// Nothing is kept for this question; the entry whose answer was taken back, if one was.
    Empty(Option<String>),
    /// Something is, and serves unless there is a fault.
    Kept(Box<Cached>, Option<Fault>),
}

/// One entry.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) entry: String,
    pub(crate) mark: Mark,
    pub(crate) said: Said,
    /// How long it took to ask.
    pub(crate) took: Option<Duration>,
}

/// What an entry means for the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Wins,
    /// It has nothing, or is not asked.
    Skipped,
    /// It failed, and that ends the walk.
    Stops,
    /// It failed, and that ends nothing.
    Fails,
    /// It would answer if it were its turn.
    Answers,
}

/// What an entry said.
#[derive(Debug)]
pub(crate) enum Said {
    /// There is nothing to ask, for this reason.
    Skipped(String),
    /// It is not its turn, for this reason.
    NotAsked(String),
    /// It was asked and gives nothing.
    Nothing(String),
    Answer(Box<Credential>),
    Failed(Error),
}

/// What `run::obtain` would come to, less everything that it writes. With `all`, the entries that it would not ask are
/// asked as well.
pub(crate) fn walk(context: &Context, ask: &Ask, all: bool) -> Result<Walked, Failure> {
    let (variables, links) = ask.leading_variables();
    let mut walk = Walk {
        context,
        ask,
        all,
        nothings: Nothings::default(),
        rows: Vec::new(),
        decided: None,
        winner: None,
        failure: None,
    };
    if let Err(error) = stop_at_ourselves(context, ask) {
        walk.give_up(error);
    }
    for link in variables {
        walk.visit(link, "variable")?;
    }
    let keyed = Cache::of(context).map_or_else(|| KeyedHasher::new([0; 32]), |cache| cache.keyed.clone());
    let key = key::of_query(&keyed, ask, context);
    let cache = walk.look_into_cache(links, &key);
    if walk.decided.is_none() && context.active.contains(&key) {
        walk.give_up(calls_itself());
    }
    for link in links {
        walk.visit(link, &key)?;
    }
    Ok(walk.end(cache))
}

struct Walk<'a> {
    context: &'a Context,
    ask: &'a Ask,
    all: bool,
    nothings: Nothings,
    rows: Vec<Row>,
    /// Why nobody else would be asked.
    decided: Option<String>,
    winner: Option<Winner>,
    failure: Option<Failure>,
}

impl Walk<'_> {
    /// Asking anybody would go round for ever.
    fn give_up(&mut self, error: Error) {
        self.all = false;
        self.decided = Some("the chain calls itself".to_owned());
        self.failure = Some(error.into());
    }

    fn look_into_cache(&mut self, links: &[Link], key: &str) -> CacheView {
        if let Some(decided) = &self.decided {
            return CacheView::NotAsked(decided.clone());
        }
        if self.context.options.no_cache {
            return CacheView::NotAsked("--no-cache".to_owned());
        }
        if !links.iter().any(Link::is_live) {
            return CacheView::NotAsked("nothing that could be kept is in the chain".to_owned());
        }
        let Some(cache) = Cache::of(self.context) else {
            let folder = self.context.folders.runtime.display();
            return CacheView::NotAsked(format!("{folder} can't be used"));
        };
        let Some(cached) = Cache::read(&cache.file(key, "cache"), self.context) else {
            let taken_back = cache.file(key, "refused");
            let taken_back = taken_back.exists().then(|| Cache::read(&taken_back, self.context)).flatten();
            return CacheView::Empty(taken_back.map(|cached| cached.entry));
        };
        let fault = cached.fault(self.ask.ttl(&cached.entry, &cached.credential), self.ask.request.min_ttl, now());
        if fault.is_none() {
            self.decided = Some(format!("the kept answer of {} serves", cached.entry));
            self.winner = Some(winner(&cached));
        }
        CacheView::Kept(Box::new(cached), fault)
    }

    fn visit(&mut self, link: &Link, key: &str) -> Result<(), Failure> {
        let entry = link.entry.name.clone();
        let missing = missing_helper(self.context, link);
        let has_something = link.is_live() && missing.is_none();
        let is_winner = self.winner.as_ref().is_some_and(|winner| winner.entry == entry);
        if has_something
            && !self.all
            && let Some(why) = &self.decided
        {
            let mark = if is_winner { Mark::Wins } else { Mark::Skipped };
            self.rows.push(Row { entry, mark, said: Said::NotAsked(why.clone()), took: None });
            return Ok(());
        }
        let started = Instant::now();
        let turn = chain::consult(self.context, link, &self.ask.request, key, None)?;
        let is_asked = has_something && !matches!(link.standing, Standing::Broken(_));
        let took = is_asked.then(|| started.elapsed());
        let is_open = self.decided.is_none();
        let (mark, said) = match turn {
            Turn::Answers(answer) if is_open => {
                self.decided = Some(format!("{entry} answers before it"));
                let credential = answer.credential.clone();
                self.winner = Some(Winner { entry: entry.clone(), credential, cached: false });
                (Mark::Wins, Said::Answer(Box::new(answer.credential)))
            }
            Turn::Answers(answer) => (Mark::Answers, Said::Answer(Box::new(answer.credential))),
            Turn::Stops(error) if is_open => {
                self.decided = Some(format!("{entry} ends the search"));
                self.failure = Some(Failure::Entry(entry.clone(), error.clone()));
                (Mark::Stops, Said::Failed(error))
            }
            Turn::Stops(error) => (Mark::Fails, Said::Failed(error)),
            Turn::GoesOn(nothing) => {
                if is_open {
                    self.nothings.note(&entry, &nothing);
                }
                match (nothing.failed, missing) {
                    (Some(error), _) => (Mark::Fails, Said::Failed(error)),
                    (None, Some(missing)) => (Mark::Skipped, Said::Skipped(missing)),
                    (None, None) if is_asked => (Mark::Skipped, Said::Nothing(nothing.why)),
                    (None, None) => (Mark::Skipped, Said::Skipped(nothing.why)),
                }
            }
        };
        let mark = if is_winner { Mark::Wins } else { mark };
        self.rows.push(Row { entry, mark, said, took });
        Ok(())
    }

    fn end(self, cache: CacheView) -> Walked {
        let Self { context, ask, nothings, mut rows, mut winner, mut failure, .. } = self;
        // An answer that was merely due for renewal is better than none.
        if let Some(Failure::Entry(_, error)) = &failure
            && error.class() == Class::Unavailable
            && let CacheView::Kept(cached, _) = &cache
            && cached
                .fault(ask.ttl(&cached.entry, &cached.credential), 0, now())
                .is_none_or(|fault| fault == Fault::Due)
        {
            winner = Some(self::winner(cached));
            failure = None;
            for row in &mut rows {
                row.mark = match row.mark {
                    _ if row.entry == cached.entry => Mark::Wins,
                    Mark::Stops => Mark::Fails,
                    mark => mark,
                };
            }
        }
        if winner.is_none() && failure.is_none() {
            failure = Some(nothings.nothing(&ask.request, &ask.profile.name).into());
        }
        if context.for_client
            && let Some(Winner { entry, credential, .. }) = &winner
            && let Err(error) = checked(credential.auth.secret(), entry)
        {
            rows.iter_mut().filter(|row| row.mark == Mark::Wins).for_each(|row| row.mark = Mark::Stops);
            failure = Some(error.into());
            winner = None;
        }
        Walked { cache, rows, winner, failure }
    }
}

fn winner(cached: &Cached) -> Winner {
    Winner { entry: cached.entry.clone(), credential: cached.credential.clone(), cached: true }
}

/// A helper of ours that would be asked and is not there: the suite can be installed in part.
fn missing_helper(context: &Context, link: &Link) -> Option<String> {
    let Program::Helper { name, .. } = &link.entry.program else { return None };
    let is_missing = link.built_in && link.is_live() && program::locate(context, name).is_none();
    is_missing.then(|| format!("claude-credential-{name} is not installed"))
}
