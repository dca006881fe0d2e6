//! `refresh ENTRY [-- COMMAND…]`, for Claude Code's `awsAuthRefresh` and `gcpAuthRefresh`: does nothing if the entry's
//! credential is good, else runs the command that signs in, once for all sessions of the machine.

mod sign_in;

use std::time::Duration;

use claude_credential_config::{Program, generation};
use claude_credential_files::{Holder, Lock, LockError};
use claude_credential_protocol::{Class, Error, Interactive, Request};

use crate::cache::{Cache, KeyedHasher, Outcome, State};
use crate::chain::{self, EntryOutcome, ResolvedEntry, Skip, program, resolve};
use crate::cli::Refresh;
use crate::commands::refresh::sign_in::{LIMIT, SignInCommand};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{MAX_DEPTH, key};
use crate::query::{profile, unknown_entry};

/// How long to wait for the command of another session: as long as it may run, and the time to stop it.
const LOCK_TIMEOUT: Duration = LIMIT.saturating_add(Duration::from_secs(10));

pub(crate) fn run(context: &Context, options: &Refresh) -> Result<(), Failure> {
    let Refresh { entry: name, command } = options;
    context.log.show_progress();
    let entry = resolve(name, &profile::choose(context)?, context);
    let entry = entry.ok_or_else(|| unknown_entry(context, name))?;
    // An error only if it turns out below that the credential is not good.
    let command = SignInCommand::choose(context, &entry, command);
    let cache = context.cache();
    let parts = command.as_ref().map(SignInCommand::parts).unwrap_or_default();
    let unkeyed = KeyedHasher::unkeyed();
    let key = key::of_sign_in(cache.map_or(&unkeyed, |cache| &cache.hasher), &entry, &parts, context);
    if let Ok(command) = &command
        && (context.active.contains(&key) || context.active.depth() >= MAX_DEPTH)
    {
        context.active.mark(&context.folders.runtime);
        return Err(command.runs_itself().into());
    }
    let run_before = cache.map(|cache| State::read(&cache.file(&key, "state"), &context.log).run);
    if is_good(context, &entry, &key)? {
        return Ok(());
    }
    let flight = SignInFlight { context, entry: name, command: command?, key };
    match (cache, run_before) {
        (Some(cache), Some(run_before)) => flight.shared(cache, run_before),
        _ => flight.alone(),
    }
}

/// Whether the entry's credential is good, proved with its server if its helper can do that:
///
/// - an answer is good;
/// - "none", an expired sign-in and a helper that broke are not good, and the command may mend them;
/// - no network and a wrong setting are failures of their own, because signing in does not mend them.
fn is_good(context: &Context, entry: &ResolvedEntry, key: &str) -> Result<bool, Failure> {
    if let Program::Helper { name, .. } = entry.program()
        && entry.is_live()
        && program::locate(context, name).is_none()
    {
        return Err(program::not_installed(name, &entry.definition).into());
    }
    let host = &profile::for_program(context, entry.program())?.hosts[0];
    let request = Request { check_live: true, deadline: Some(context.deadline), ..Request::at(host) };
    let error = match chain::consult(context, entry, &request, key)? {
        EntryOutcome::Found(_) => return Ok(true),
        EntryOutcome::Skipped(Skip { failed: Some(error), .. }) | EntryOutcome::Failed(error) => error,
        EntryOutcome::Skipped(skip) => {
            context.log.entry_skipped(entry.name(), &skip.reason);
            return Ok(false);
        }
    };
    match error.class() {
        Class::Unavailable | Class::Config => Err(Failure::Entry(entry.name().to_owned(), error)),
        _ => Ok(false),
    }
}

/// One sign-in for all sessions that need it.
struct SignInFlight<'a> {
    context: &'a Context,
    entry: &'a str,
    command: SignInCommand,
    key: String,
}

impl SignInFlight<'_> {
    /// Signs in once for all sessions. `run_before` is the number of sign-ins before this process checked whether the
    /// credential is good: a sign-in since then serves this process, too.
    fn shared(&self, cache: &Cache, run_before: u64) -> Result<(), Failure> {
        let lock = match self.lock(cache) {
            Ok(lock) => lock,
            Err(LockError::Timeout(_, holder)) => return Err(self.lock_timed_out(&holder).into()),
            Err(LockError::File(problem)) => {
                self.context.log.complain(&problem);
                return self.alone();
            }
        };
        let path = cache.file(&self.key, "state");
        let mut state = State::read(&path, &self.context.log);
        if state.run > run_before {
            return match state.outcome {
                Outcome::Failed { error, .. } => Err(error.into()),
                _ => Ok(()),
            };
        }
        let outcome = self.alone();
        state.outcome = match &outcome {
            Ok(()) => Outcome::SignedIn,
            Err(failure) => match failure.to_error() {
                Some(error) => {
                    let interactive = self.context.interactive() == Interactive::Auto;
                    Outcome::Failed { error, rejected: false, interactive }
                }
                // Only this process was interrupted: the next session that waits signs in.
                None => return outcome,
            },
        };
        state.run = state.run.saturating_add(1);
        if let Err(error) = state.write(&path) {
            self.context.log.complain(&error);
        }
        drop(lock);
        outcome
    }

    fn lock(&self, cache: &Cache) -> Result<Lock, LockError> {
        let path = cache.file(&self.key, "lock");
        if let Some(lock) = Lock::try_acquire(&path)? {
            return Ok(lock);
        }
        self.context.log.waits_for_sign_in(self.entry);
        let _waiting = self.context.log.waiting(|| format!("the sign-in of another session for {}", self.entry));
        Lock::acquire(&path, LOCK_TIMEOUT)
    }

    fn alone(&self) -> Result<(), Failure> {
        self.command.run(self.context, &self.key)?;
        // What was cached before may belong to the earlier account.
        Ok(generation::touch(&self.context.folders)?)
    }

    fn lock_timed_out(&self, holder: &Holder) -> Error {
        let entry = self.entry;
        let mend = holder.mend().unwrap_or_else(|| format!("run: claude-credential --no-cache refresh {entry}"));
        Error::unavailable(format!("another session ({holder}) did not finish signing in for {entry}; {mend}"))
    }
}
