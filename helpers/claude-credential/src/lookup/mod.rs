//! One walk of a chain for one key: single flight, the shared outcome, refusals, TTL 0.

pub(crate) mod key;
pub(crate) mod walk;

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use claude_credential_files::{Lock, LockError, Waiting};
use claude_credential_protocol::{Class, Error, Interactive, now};

use crate::cache::hash::KeyedHasher;
use crate::cache::state::{Outcome, State};
use crate::cache::waiter::Waiter;
use crate::cache::{Cache, Cached, Fault};
use crate::chain;
use crate::chain::{Answer, Link, Said};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::walk::{Refused, Walk, calls_itself, stop_at_ourselves};
use crate::query::Ask;

/// The answer to `ask`: kept, shared, or new.
pub(crate) fn obtain(context: &Context, ask: &Ask, refused: Option<Refused>) -> Result<Answer, Failure> {
    stop_at_ourselves(context, ask)?;
    let (variables, links) = ask.leading_variables();
    let mut said = Said::default();
    // Nothing that these run asks us anything, so there is no key to hand down.
    if let Some(answer) = chain::walk(context, variables, &ask.request, "variable", None, &mut said)? {
        return Ok(answer);
    }
    let walk = Walk { context, ask, links, said };
    match Run::new(walk) {
        Ok(run) => run.obtain(refused),
        Err(walk) => walk.go(&key::of_query(&KeyedHasher::new([0; 32]), ask, context), refused.as_ref()),
    }
}

/// The kept answer, good or not: what whoever asked last was given.
pub(crate) fn last(context: &Context, ask: &Ask) -> Option<Answer> {
    let (_, links) = ask.leading_variables();
    let walk = Walk { context, ask, links, said: Said::default() };
    Run::new(walk).ok()?.cached().map(answer)
}

struct Run<'a> {
    walk: Walk<'a>,
    context: &'a Context,
    ask: &'a Ask,
    cache: &'a Cache,
    key: String,
}

fn answer(cached: Cached) -> Answer {
    Answer { credential: cached.credential, entry: cached.entry, from_variable: false }
}

impl<'a> Run<'a> {
    /// Gives the walk back where there is nothing to keep, to share or to wait for.
    fn new(walk: Walk<'a>) -> Result<Self, Walk<'a>> {
        let Walk { context, ask, links, .. } = walk;
        if !links.iter().any(Link::is_live) {
            return Err(walk);
        }
        match Cache::of(context) {
            Some(cache) => Ok(Self { walk, context, ask, key: key::of_query(&cache.keyed, ask, context), cache }),
            None => Err(walk),
        }
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.cache.file(&self.key, ending)
    }

    fn obtain(&self, refused: Option<Refused>) -> Result<Answer, Failure> {
        if refused.is_none()
            && let Some(answer) = self.kept(None)
        {
            return Ok(answer);
        }
        if self.context.active.contains(&self.key) {
            return Err(calls_itself().into());
        }
        let before = State::read(&self.file("state"), self.context).run;
        let (lock, waiting) = match self.lock() {
            Ok(locked) => locked,
            Err(LockError::Timeout(_)) => return Err(self.waited_in_vain().into()),
            Err(LockError::Problem(problem)) => return self.unlocked(&problem, refused.as_ref()),
        };
        let mut state = State::read(&self.file("state"), self.context);
        if let Some(answer) = self.kept(refused.as_ref()) {
            return Ok(answer);
        }
        if waiting.is_some() {
            let shared = if state.run > before { self.share(&state, refused.as_ref()) } else { Share::Nothing };
            match shared {
                Share::Outcome(outcome) => return self.or_kept(*outcome, refused.as_ref()),
                Share::SideBySide => {
                    drop(lock);
                    return self.walk.go(&self.key, refused.as_ref());
                }
                // Whoever had the lock was killed, or could write nothing down. If we can't either, those behind us had
                // better not wait for us one by one.
                Share::Nothing => {
                    if let Err(error) = state.write(&self.file("state")) {
                        drop(lock);
                        return self.unlocked(&error, refused.as_ref());
                    }
                }
            }
        }
        // Looked for under the lock: of those who wait, the first tells the entry, and what it says is news to all.
        let refused = refused.or_else(|| self.erased());
        if let Some(held_back) = self.hold_back(&state, refused.as_ref()) {
            return held_back;
        }
        let outcome = self.walk.go(&self.key, refused.as_ref());
        self.note(&mut state, &outcome, refused.as_ref());
        self.cache.tidy();
        drop(lock);
        self.or_kept(outcome, refused.as_ref())
    }

    /// The files are of no use: everybody for himself.
    fn unlocked(&self, problem: &dyn Display, refused: Option<&Refused>) -> Result<Answer, Failure> {
        self.context.log.complain(problem);
        self.walk.go(&self.key, refused)
    }

    /// The lock of the key; and, where somebody had it, our word that we wait for what he gets.
    fn lock(&self) -> Result<(Lock, Option<Waiter>), LockError> {
        let path = self.file("lock");
        if let Some(lock) = Lock::try_acquire(&path)? {
            return Ok((lock, None));
        }
        let waiter = Waiter::announce(self.cache, &self.key)?;
        let name = &self.ask.profile.name;
        let _waiting = self.context.log.waiting(|| format!("another call that asks for profile {name}"));
        let patience = Duration::from_millis(self.context.deadline.saturating_sub(now()));
        Ok((Lock::acquire(&path, patience)?, Some(waiter)))
    }

    /// The kept answer, if it serves and is not the refused one.
    fn kept(&self, refused: Option<&Refused>) -> Option<Answer> {
        let cached = self.cached()?;
        if self.ask.request.check_live {
            self.context.log.cache_missed(&"it has to be proved with its server");
            return None;
        }
        let ttl = self.ask.ttl(&cached.entry, &cached.credential);
        if let Some(fault) = cached.fault(ttl, self.ask.request.min_ttl, now()) {
            self.context.log.cache_missed(&fault);
            return None;
        }
        if refused.is_some_and(|refused| refused.secret == *cached.credential.auth.secret()) {
            self.context.log.cache_missed(&"it was refused");
            return None;
        }
        if refused.is_none()
            && let Some(front) = &self.context.front
        {
            front.remember(self.context, self.ask, &self.key, &cached.entry);
        }
        let age = Duration::from_millis(now().saturating_sub(cached.obtained));
        self.context.log.cache_served(&cached.entry, age);
        Some(answer(cached))
    }

    fn cached(&self) -> Option<Cached> {
        Cache::read(&self.file("cache"), self.context)
    }

    /// A cached answer that `erase` took back: the next run tells the entry that gave it.
    fn erased(&self) -> Option<Refused> {
        let path = self.file("refused");
        let cached = path.exists().then(|| Cache::read(&path, self.context))??;
        let secret = cached.credential.auth.secret().clone();
        Some(Refused { secret, entry: Some(cached.entry), concluded: None })
    }

    /// What the run that we waited for leaves to us.
    fn share(&self, state: &State, refused: Option<&Refused>) -> Share {
        match &state.outcome {
            Outcome::Failed { error, rejected, interactive } => {
                let mine = (refused.is_some(), self.context.interactive() == Interactive::Auto);
                if (*rejected, *interactive) == mine {
                    return Share::Outcome(Box::new(Err(error.clone().into())));
                }
                Share::Nothing
            }
            Outcome::Ephemeral => Share::SideBySide,
            Outcome::Shared => {
                let shared = Cache::read(&self.file("shared"), self.context).filter(|shared| {
                    let is_refused = refused.is_some_and(|refused| refused.secret == *shared.credential.auth.secret());
                    !is_refused && shared.fault(Duration::MAX, self.ask.request.min_ttl, now()).is_none()
                });
                shared.map_or(Share::Nothing, |shared| Share::Outcome(Box::new(Ok(answer(shared)))))
            }
            Outcome::Kept | Outcome::SignedIn => Share::Nothing,
        }
    }

    /// What to answer in place of a run that a concluded refusal may not make now; none where it may.
    fn hold_back(&self, state: &State, refused: Option<&Refused>) -> Option<Result<Answer, Failure>> {
        let refused = refused?;
        let held = refused.concluded.as_ref()?;
        if state.refusals.may_run(self.cache.keyed.fingerprint(&refused.secret), now()) {
            return None;
        }
        // What only the user can mend is said each time: it would be lost in one call of many.
        if let Outcome::Failed { error, rejected: true, .. } = &state.outcome
            && matches!(error.class(), Class::SignIn | Class::Config)
        {
            return Some(Err(error.clone().into()));
        }
        self.context.log.cache_missed(&"it was refused, and was asked for again not long ago");
        let is_good = |cached: &Cached| cached.credential.expires_at.is_none_or(|at| at * 1000 > now());
        Some(Ok(self.cached().filter(is_good).map_or_else(|| held.clone(), answer)))
    }

    /// Writes down what a run came to: the answer, the outcome, the refusal that made it.
    fn note(&self, state: &mut State, outcome: &Result<Answer, Failure>, refused: Option<&Refused>) {
        let given = outcome.as_ref().ok().map(|answer| self.cache.keyed.fingerprint(answer.credential.auth.secret()));
        if let Some(refused) = refused.filter(|refused| refused.concluded.is_some()) {
            state.refusals.note(self.cache.keyed.fingerprint(&refused.secret), given, now());
        }
        state.outcome = match outcome {
            Err(failure) => match failure.to_error() {
                Some(error) => Outcome::Failed {
                    error,
                    rejected: refused.is_some(),
                    interactive: self.context.interactive() == Interactive::Auto,
                },
                None => return,
            },
            Ok(answer) if answer.credential.ephemeral => Outcome::Ephemeral,
            Ok(answer) => match self.keep(answer) {
                Ok(outcome) => outcome,
                Err(error) => {
                    self.context.log.complain(&error);
                    return;
                }
            },
        };
        state.run = state.run.saturating_add(1);
        state.given = given.or(state.given);
        if let Err(error) = state.write(&self.file("state")) {
            self.context.log.complain(&error);
        }
    }

    fn keep(&self, answer: &Answer) -> Result<Outcome, Error> {
        let cached = Cached {
            credential: answer.credential.clone(),
            entry: answer.entry.clone(),
            profile: self.ask.profile.name.clone(),
            origin: (self.ask.request.protocol.clone(), self.ask.request.host.clone()),
            obtained: now(),
        };
        if !self.ask.ttl(&answer.entry, &answer.credential).is_zero() {
            self.cache.write(&self.file("cache"), &cached)?;
            // The entry has been told that it was refused, and this is what it says to that.
            let _ = std::fs::remove_file(self.file("refused"));
            return Ok(Outcome::Kept);
        }
        // Nothing is kept, and those who waited share it all the same; the last of them removes it.
        let [waiting, shared] = ["waiting", "shared"].map(|ending| self.file(ending));
        for stale in ["cache", "refused", "shared"] {
            let _ = std::fs::remove_file(self.file(stale));
        }
        if Waiting::anybody(&waiting)? {
            self.cache.write(&shared, &cached)?;
            // The last of them may have gone while it was written, and then nobody would remove it.
            if !Waiting::anybody(&waiting)? {
                let _ = std::fs::remove_file(&shared);
            }
        }
        Ok(Outcome::Shared)
    }

    /// An answer that was merely due for renewal is better than none.
    fn or_kept(&self, outcome: Result<Answer, Failure>, refused: Option<&Refused>) -> Result<Answer, Failure> {
        if refused.is_none()
            && let Err(failure) = &outcome
            && failure.class() == Some(Class::Unavailable)
            && let Some(cached) = self.cached()
            && cached
                .fault(self.ask.ttl(&cached.entry, &cached.credential), 0, now())
                .is_none_or(|fault| fault == Fault::Due)
        {
            return Ok(answer(cached));
        }
        outcome
    }

    fn waited_in_vain(&self) -> Error {
        let name = &self.ask.profile.name;
        Error::unavailable(format!(
            "another call for profile {name} did not end in time; run: claude-credential --no-cache print"
        ))
    }
}

enum Share {
    Outcome(Box<Result<Answer, Failure>>),
    /// It may not be shared, and waiting one after the other would help nobody.
    SideBySide,
    Nothing,
}
