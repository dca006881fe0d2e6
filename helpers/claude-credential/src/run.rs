//! One walk of a chain for one key: single flight, the shared outcome, refusals, TTL 0.

use std::path::PathBuf;
use std::time::Duration;

use claude_credential_files::{Lock, LockError, Waiting};
use claude_credential_process::SETTING;
use claude_credential_protocol::{Class, Error, Interactive, Secret, now};

use crate::ask::Ask;
use crate::cache::{Cache, Cached, Fault};
use crate::chain::{self, Answer};
use crate::context::Context;
use crate::failure::Failure;
use crate::key::Keyed;
use crate::state::{Outcome, State};

/// Deeper than any chain that a person composes of chains.
const DEEPEST: usize = 8;

/// A secret that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) secret: Secret,
    /// The entry that gave it, which alone is told; none where nobody knows.
    pub(crate) entry: Option<String>,
    /// We conclude it from the client's coming back. Then runs are few and far between, since we may be wrong and the
    /// client comes back for ever.
    pub(crate) concluded: bool,
}

/// The answer to `ask`: kept, shared, or new.
pub(crate) fn obtain(context: &Context, ask: &Ask, refused: Option<Refused>) -> Result<Answer, Failure> {
    stop_at_ourselves(context, ask)?;
    let Some(run) = Run::new(context, ask) else {
        let key = Keyed::new([0; 32]).of(ask, context);
        return walk(context, ask, &key, refused.as_ref());
    };
    run.obtain(refused)
}

/// The kept answer, good or not: what whoever asked last was given.
pub(crate) fn last(context: &Context, ask: &Ask) -> Option<Answer> {
    let cached = Run::new(context, ask)?.cached()?;
    Some(Answer { credential: cached.credential, entry: cached.entry })
}

/// A chain that leads back to itself would go round for ever: seen here, at the first turn.
fn stop_at_ourselves(context: &Context, ask: &Ask) -> Result<(), Error> {
    let runs_setting = ask.chain.iter().any(|link| link.runs_setting && link.is_live());
    if context.active.contains(SETTING) && runs_setting {
        context.active.mark(&context.folders.runtime);
        return Err(calls_itself());
    }
    if context.active.depth() >= DEEPEST { Err(calls_itself()) } else { Ok(()) }
}

fn calls_itself() -> Error {
    Error::config(
        "the chain calls itself: an entry or setting of it runs this very command; name another profile there",
    )
}

fn walk(context: &Context, ask: &Ask, key: &str, refused: Option<&Refused>) -> Result<Answer, Failure> {
    if context.active.contains(key) {
        return Err(calls_itself().into());
    }
    let refused = refused.and_then(|refused| Some((refused.entry.as_deref()?, &refused.secret)));
    chain::walk(context, &ask.chain, &ask.request, key, refused)
}

struct Run<'a> {
    context: &'a Context,
    ask: &'a Ask,
    cache: Cache,
    keyed: Keyed,
    key: String,
}

impl<'a> Run<'a> {
    /// None where there is nothing to keep, to share or to wait for.
    fn new(context: &'a Context, ask: &'a Ask) -> Option<Self> {
        if context.options.no_cache || ask.is_answered_by_a_variable() || !ask.chain.iter().any(chain::Link::is_live) {
            return None;
        }
        let cache = Cache::of(&context.folders);
        let keyed = cache.keyed().map_err(|problem| context.log.complain(&problem)).ok()?;
        let key = keyed.of(ask, context);
        Some(Self { context, ask, cache, keyed, key })
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
        let refused = refused.or_else(|| self.erased());
        if self.context.active.contains(&self.key) {
            return Err(calls_itself().into());
        }
        let before = State::read(&self.file("state"), self.context).run;
        let (lock, waiting) = match self.lock() {
            Ok(locked) => locked,
            Err(LockError::Timeout(_)) => return Err(self.waited_in_vain().into()),
            Err(LockError::Problem(problem)) => {
                self.context.log.complain(&problem);
                return walk(self.context, self.ask, &self.key, refused.as_ref());
            }
        };
        let mut state = State::read(&self.file("state"), self.context);
        if let Some(answer) = self.kept(refused.as_ref()) {
            return Ok(answer);
        }
        if waiting.is_some() && state.run > before {
            match self.share(&state, refused.as_ref()) {
                Share::Outcome(outcome) => return self.or_kept(*outcome, refused.as_ref()),
                Share::SideBySide => {
                    drop(lock);
                    return walk(self.context, self.ask, &self.key, refused.as_ref());
                }
                Share::Nothing => {}
            }
        }
        // What is served while a refused one may not be asked for again; may be the refused one itself.
        if let Some(held_back) = self.hold_back(&state, refused.as_ref()) {
            return held_back;
        }
        let outcome = walk(self.context, self.ask, &self.key, refused.as_ref());
        self.note(&mut state, &outcome, refused.as_ref());
        self.cache.tidy();
        drop(lock);
        self.or_kept(outcome, refused.as_ref())
    }

    /// The lock of the key; and, where somebody had it, our word that we wait for what he gets.
    fn lock(&self) -> Result<(Lock, Option<Waiter>), LockError> {
        let path = self.file("lock");
        if let Some(lock) = Lock::try_acquire(&path)? {
            return Ok((lock, None));
        }
        let waiting = Waiting::announce(&self.file("waiting"))?;
        let waiter = Waiter { waiting: Some(waiting), shared: self.file("shared") };
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
        let ttl = self.ask.ttl(&cached.entry);
        if let Some(fault) = cached.fault(ttl, self.ask.request.min_ttl, now()) {
            self.context.log.cache_missed(&fault);
            return None;
        }
        if refused.is_some_and(|refused| refused.secret == *cached.credential.auth.secret()) {
            self.context.log.cache_missed(&"it was refused");
            return None;
        }
        let age = Duration::from_millis(now().saturating_sub(cached.obtained));
        self.context.log.cache_served(&cached.entry, age);
        Some(Answer { credential: cached.credential, entry: cached.entry })
    }

    fn cached(&self) -> Option<Cached> {
        Cache::read(&self.file("cache"), self.context)
    }

    /// A cached answer that `erase` took back: the next run tells the entry that gave it.
    fn erased(&self) -> Option<Refused> {
        let path = self.file("refused");
        let cached = path.exists().then(|| Cache::read(&path, self.context))??;
        let secret = cached.credential.auth.secret().clone();
        Some(Refused { secret, entry: Some(cached.entry), concluded: false })
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
            Outcome::Shared => match Cache::read(&self.file("shared"), self.context) {
                Some(shared) if refused.is_none_or(|refused| refused.secret != *shared.credential.auth.secret()) => {
                    Share::Outcome(Box::new(Ok(Answer { credential: shared.credential, entry: shared.entry })))
                }
                _ => Share::Nothing,
            },
            Outcome::Kept => Share::Nothing,
        }
    }

    /// What to answer in place of a run that a concluded refusal may not make now; none where it may.
    fn hold_back(&self, state: &State, refused: Option<&Refused>) -> Option<Result<Answer, Failure>> {
        let refused = refused.filter(|refused| refused.concluded)?;
        if state.refusals.may_run(self.keyed.fingerprint(&refused.secret), now()) {
            return None;
        }
        // What only the user can mend is said each time: it would be lost in one call of many.
        if let Outcome::Failed { error, rejected: true, .. } = &state.outcome
            && matches!(error.class(), Class::SignIn | Class::Config)
        {
            return Some(Err(error.clone().into()));
        }
        self.context.log.cache_missed(&"it was refused, and was asked for again not long ago");
        let cached = self.cached()?;
        let is_over = cached.credential.expires_at.is_some_and(|at| at * 1000 <= now());
        (!is_over).then_some(Ok(Answer { credential: cached.credential, entry: cached.entry }))
    }

    /// Writes down what a run came to: the answer, the outcome, the refusal that made it.
    fn note(&self, state: &mut State, outcome: &Result<Answer, Failure>, refused: Option<&Refused>) {
        let given = outcome.as_ref().ok().map(|answer| self.keyed.fingerprint(answer.credential.auth.secret()));
        if let Some(refused) = refused.filter(|refused| refused.concluded) {
            state.refusals.note(self.keyed.fingerprint(&refused.secret), given, now());
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
        state.run += 1;
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
        if !self.ask.ttl(&answer.entry).is_zero() {
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
            && cached.fault(self.ask.ttl(&cached.entry), 0, now()).is_none_or(|fault| fault == Fault::Due)
        {
            return Ok(Answer { credential: cached.credential, entry: cached.entry });
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

/// Our word that we wait. With the last one that is taken back, what was laid ready for those who waited goes.
struct Waiter {
    waiting: Option<Waiting>,
    shared: PathBuf,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.leave(|| {
                let _ = std::fs::remove_file(&self.shared);
            });
        }
    }
}

enum Share {
    Outcome(Box<Result<Answer, Failure>>),
    /// It may not be shared, and waiting one after the other would help nobody.
    SideBySide,
    Nothing,
}
