//! One process asks the entries; all others with the same key wait for it and share the outcome.

use std::fmt::Display;
use std::time::Duration;

use claude_credential_files::{Holder, Lock, LockError, Waiting};
use claude_credential_protocol::{Class, Error, Interactive, now};

use super::{Basis, Found, Refused, Scope, Slot, Steps};
use crate::cache::{Cache, Cached, Outcome, State};
use crate::chain::{Resolved, ResolvedEntry};
use crate::failure::Failure;

pub(super) struct SingleFlight<'l, 'a, 'o> {
    pub(super) steps: &'l mut Steps<'a, 'o>,
    pub(super) slot: &'l Slot<'a>,
    pub(super) entries: &'a [ResolvedEntry],
}

/// What the run of another process leaves to a process that waited for it.
enum SharedOutcome {
    Outcome(Box<Result<Resolved, Failure>>),
    /// The answer may not be shared. The processes that waited ask in parallel, since a queue would help none of them.
    AskInParallel,
    Nothing,
}

impl<'a> SingleFlight<'_, 'a, '_> {
    pub(super) fn go(mut self, refused: Option<Refused>) -> Result<Found<'a>, Failure> {
        let before = self.slot.state().run;
        let (lock, waiting) = match self.lock() {
            Ok(locked) => locked,
            Err(LockError::Timeout(_, holder)) => return Err(self.lock_timed_out(&holder).into()),
            Err(LockError::File(problem)) => return self.without_lock(&problem, refused.as_ref()),
        };
        let mut state = self.slot.state();
        if let Some(answer) = self.steps.kept(self.slot, refused.as_ref()) {
            return Ok(answer);
        }
        let has_waited_for_run = waiting.is_some() && state.run > before;
        // This one asks again under the lock, and the others share its answer.
        let moved = has_waited_for_run && state.outcome == Outcome::Moved;
        if waiting.is_some() {
            let shared =
                if has_waited_for_run { self.shared(&state, refused.as_ref()) } else { SharedOutcome::Nothing };
            match shared {
                SharedOutcome::Outcome(outcome) => return outcome.map(Found::answer),
                SharedOutcome::AskInParallel => {
                    drop(lock);
                    return self.ask_all(refused.as_ref());
                }
                // The process that held the lock was killed, or could not write its outcome. If this one can't write
                // either, the other waiters must not queue for the lock one after the other.
                SharedOutcome::Nothing => {
                    if let Err(error) = state.write(&self.slot.file("state")) {
                        drop(lock);
                        return self.without_lock(&error, refused.as_ref());
                    }
                }
            }
        }
        // Read under the lock: the first of all waiters tells the entry, and the others share its answer.
        let refused = refused.or_else(|| self.slot.erased());
        if !moved && let Some(throttled) = self.throttle(&state, refused.as_ref()) {
            return throttled.map(Found::answer);
        }
        let basis = Basis::of(self.steps.context, self.steps.query);
        let outcome = self.ask_all(refused.as_ref());
        // What changes during every run would make the waiters ask one after the other.
        let unshared = if moved { Outcome::Ephemeral } else { Outcome::Moved };
        let outcome = self.note(&mut state, outcome, refused.as_ref(), basis.scope(self.slot), unshared);
        self.slot.cache.tidy();
        drop(lock);
        outcome
    }

    fn ask_all(&mut self, refused: Option<&Refused>) -> Result<Found<'a>, Failure> {
        self.steps.ask_all(self.entries, &self.slot.key, refused)
    }

    /// Asks the entries without single flight, because the files can't be used.
    fn without_lock(&mut self, problem: &dyn Display, refused: Option<&Refused>) -> Result<Found<'a>, Failure> {
        self.steps.context.log.complain(problem);
        self.ask_all(refused)
    }

    /// Acquires the key's lock. If another process held it, also returns the mark that this one waits for it.
    fn lock(&self) -> Result<(Lock, Option<Waiting>), LockError> {
        let path = self.slot.file("lock");
        if let Some(lock) = Lock::try_acquire(&path)? {
            return Ok((lock, None));
        }
        let waiter = Waiting::announce(&self.slot.file("waiting"), self.slot.file("shared"))?;
        let (context, query) = (self.steps.context, self.steps.query);
        let _waiting = context.log.waiting(|| format!("another call that asks for profile {}", query.profile.name));
        let deadline = query.request.deadline.unwrap_or(context.deadline);
        Ok((Lock::acquire(&path, Duration::from_millis(deadline.saturating_sub(now())))?, Some(waiter)))
    }

    fn lock_timed_out(&self, holder: &Holder) -> Error {
        let name = &self.steps.query.profile.name;
        let mend = holder.mend().unwrap_or_else(|| "run: claude-credential --no-cache print".to_owned());
        Error::unavailable(format!("another call for profile {name} ({holder}) did not end in time; {mend}"))
    }

    /// What the run left to this process, which waited for it.
    fn shared(&self, state: &State, refused: Option<&Refused>) -> SharedOutcome {
        match &state.outcome {
            Outcome::Failed { error, rejected, interactive } => {
                let own = (refused.is_some(), self.steps.context.interactive() == Interactive::Auto);
                if (*rejected, *interactive) == own {
                    return SharedOutcome::Outcome(Box::new(Err(error.clone().into())));
                }
                SharedOutcome::Nothing
            }
            Outcome::Ephemeral => SharedOutcome::AskInParallel,
            Outcome::Shared => {
                let path = self.slot.file("shared");
                let shared = Cache::read(&path, &self.steps.context.log).filter(|shared| {
                    let is_refused = refused.is_some_and(|refused| refused.secret == *shared.credential.auth.secret());
                    let min_ttl = self.steps.query.request.min_ttl;
                    !is_refused && shared.staleness(Duration::MAX, min_ttl, now()).is_none()
                });
                shared.map_or(SharedOutcome::Nothing, |shared| SharedOutcome::Outcome(Box::new(Ok(shared.into()))))
            }
            Outcome::Kept | Outcome::SignedIn | Outcome::Moved => SharedOutcome::Nothing,
        }
    }

    /// The outcome instead of a run, if an inferred refusal may not cause one yet; `None` if it may.
    fn throttle(&mut self, state: &State, refused: Option<&Refused>) -> Option<Result<Resolved, Failure>> {
        let refused = refused?;
        let inferred = refused.inferred.as_ref()?;
        if state.refusals.may_run(self.slot.cache.hasher.fingerprint(&refused.secret), now()) {
            return None;
        }
        // An error that only the user can mend is repeated at each call: the user would miss a single message.
        if let Outcome::Failed { error, rejected: true, .. } = &state.outcome
            && matches!(error.class(), Class::SignIn | Class::Config)
        {
            return Some(Err(error.clone().into()));
        }
        self.steps.observer.throttled();
        let is_good = |cached: &Cached| !cached.credential.is_expired();
        Some(Ok(self.slot.kept().filter(is_good).map_or_else(|| inferred.clone(), Resolved::from)))
    }

    /// Writes the answer and the outcome of a run, and the refusal that caused it. `unshared` is the outcome if it is
    /// good for the caller alone.
    fn note(
        &self,
        state: &mut State,
        outcome: Result<Found<'a>, Failure>,
        refused: Option<&Refused>,
        scope: Scope,
        unshared: Outcome,
    ) -> Result<Found<'a>, Failure> {
        let context = self.steps.context;
        let hasher = &self.slot.cache.hasher;
        let given = match &outcome {
            Ok(Found::Answer(answer)) => Some(hasher.fingerprint(answer.credential.auth.secret())),
            Ok(Found::WouldAsk(_)) | Err(_) => None,
        };
        if let Some(refused) = refused.filter(|refused| refused.inferred.is_some()) {
            state.refusals.note(hasher.fingerprint(&refused.secret), given, now());
        }
        let noted = match &outcome {
            Ok(Found::WouldAsk(_)) => return outcome,
            Ok(Found::Answer(answer)) if answer.credential.ephemeral => Ok(Outcome::Ephemeral),
            Ok(Found::Answer(_)) if scope == Scope::Caller => Ok(unshared),
            Ok(Found::Answer(answer)) => self.keep(answer, refused, scope),
            Err(failure) => match failure.to_error() {
                Some(_) if scope == Scope::Caller => Ok(unshared),
                Some(error) => {
                    let interactive = context.interactive() == Interactive::Auto;
                    Ok(Outcome::Failed { error, rejected: refused.is_some(), interactive })
                }
                None => return outcome,
            },
        };
        let written = noted.and_then(|noted| {
            state.outcome = noted;
            state.run = state.run.saturating_add(1);
            state.given = given.or(state.given);
            state.write(&self.slot.file("state"))
        });
        if let Err(error) = written {
            context.log.complain(&error);
        }
        outcome
    }

    /// Keeps the answer for its key, or at least for the processes that wait.
    fn keep(&self, answer: &Resolved, refused: Option<&Refused>, scope: Scope) -> Result<Outcome, Error> {
        let (query, cache) = (self.steps.query, self.slot.cache);
        let is_secret = |refused: &Refused| refused.secret == *answer.credential.auth.secret();
        // An answer that was erased during the run counts only if its entry knew that when it gave it again.
        let is_erased = || !refused.is_some_and(is_secret) && self.slot.erased().as_ref().is_some_and(is_secret);
        let cached = Cached {
            credential: answer.credential.clone(),
            entry: answer.entry.clone(),
            profile: query.profile.name.clone(),
            place: Cached::place_of(&query.request),
            obtained: now(),
        };
        if scope == Scope::Key && !query.ttl(&answer.entry, &answer.credential).is_zero() {
            let written = cache.write(&self.slot.file("cache"), &cached);
            let is_kept = written.is_ok() && !is_erased();
            // It replaces the earlier answer, even if it can't be kept itself; if it can, an erased one, too.
            let _ = std::fs::remove_file(self.slot.file(if is_kept { "refused" } else { "cache" }));
            return written.map(|()| if is_kept { Outcome::Kept } else { Outcome::Ephemeral });
        }
        if is_erased() {
            return Ok(Outcome::Ephemeral);
        }
        // The waiters share an answer that is not kept; the last of them removes it. An earlier one is replaced, unless
        // this one is for another key.
        let [waiting, shared] = ["waiting", "shared"].map(|ending| self.slot.file(ending));
        for stale in if scope == Scope::Key { &["shared", "cache", "refused"][..] } else { &["shared"] } {
            let _ = std::fs::remove_file(self.slot.file(stale));
        }
        if Waiting::is_any(&waiting)? {
            cache.write(&shared, &cached)?;
            // The last waiter may have left during the write, and then no process would remove the file.
            if !Waiting::is_any(&waiting)? {
                let _ = std::fs::remove_file(&shared);
            }
        }
        Ok(Outcome::Shared)
    }
}
