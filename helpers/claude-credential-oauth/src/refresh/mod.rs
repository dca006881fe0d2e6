//! The access token of a sign-in, renewed in time and by one process at a time.
//!
//! - A token that is valid for a while is the answer, without a lock and without a request.
//! - One that is due is renewed by the process that gets the lock. The others hand the old one out while it is valid, and
//!   wait for the lock once it is not.
//! - The process that has the lock reads again first: a token that another process renewed meanwhile is the answer.
//! - A new token set is stored, durably, before it is handed out.

mod step;

use std::time::{Duration, Instant};

use claude_credential_config::logins::Login;
use claude_credential_files::LockError;
use claude_credential_protocol::{Auth, Class, Credential, Error, Request, Seconds, now};

use crate::anthropic::HEADER;
use crate::binding;
use crate::client::{Client, EACH};
use crate::discovery::Endpoint;
use crate::flows;
use crate::token_error::TokenError;
use crate::token_store::TokenStore;
use crate::tokens::{TokenSet, no_refresh_hint};
use claude_credential_process::SignalGuard;
use step::{Step, UNCLEAR};

/// One request, the client of its provider, and the store of its tokens.
pub(crate) struct Refresh<'a> {
    pub(crate) client: &'a Client<'a>,
    pub(crate) store: TokenStore<'a>,
    pub(crate) request: &'a Request,
}

/// After how many seconds a provider that refused without a reason is believed.
const DOUBT: Seconds = 30;

/// After how many seconds such a refusal says nothing any more.
const DOUBT_PERIOD: Seconds = 3600;

/// Why there is no new set.
enum RenewalError {
    /// Ours; the provider was not asked.
    Ours(Error),
    /// The provider's, or it could not be reached.
    Theirs(TokenError),
}

impl From<TokenError> for RenewalError {
    fn from(failed: TokenError) -> Self {
        Self::Theirs(failed)
    }
}

/// A login and its token set.
type Kept = (Login, TokenSet);

impl Refresh<'_> {
    /// The credential for the request; `None` if the user has not signed in.
    pub(crate) fn get(&self) -> Result<Option<Credential>, Error> {
        let account = self.request.username.as_deref();
        let kept = match self.store.find(account)? {
            Some(login) => self.read(login)?,
            None if self.is_for_people() || account.is_some() => return Ok(None),
            None => None,
        };
        let Some((login, set)) = kept else { return self.renew_alone(None, None).map(Some) };
        let account = login.account.clone();
        match self.step(&login, &set)? {
            Step::Answer => Ok(Some(self.credential(&login, &set))),
            Step::RenewIfFree => {
                // A renewal that can't end in time is not begun.
                let is_bad_time = self.store.failure(account.as_deref()).is_some() || self.left() < EACH;
                let lock = if is_bad_time { None } else { self.store.try_lock(account.as_deref()).unwrap_or(None) };
                match lock {
                    None => Ok(Some(self.credential(&login, &set))),
                    Some(_lock) => self.renew(account.as_deref(), Some(&set)).map(Some),
                }
            }
            Step::RenewIfPossible | Step::Renew => self.renew_alone(account.as_deref(), Some((login, set))).map(Some),
        }
    }

    /// Renews once the lock is free.
    fn renew_alone(&self, account: Option<&str>, old: Option<Kept>) -> Result<Credential, Error> {
        match self.store.lock(account, self.left()) {
            Ok(_lock) => self.renew(account, old.as_ref().map(|(_, set)| set)),
            Err(LockError::Timeout(..)) => match old {
                Some((login, set)) if matches!(self.step(&login, &set), Ok(Step::RenewIfPossible)) => {
                    Ok(self.credential(&login, &set))
                }
                _ => {
                    let provider = &self.client.provider.name;
                    Err(Error::unavailable(format!("another process is still renewing the token of {provider}")))
                }
            },
            Err(LockError::File(problem)) => Err(problem.into()),
        }
    }

    /// Renews; the caller has the lock. `before` is the set as it was before.
    fn renew(&self, account: Option<&str>, before: Option<&TokenSet>) -> Result<Credential, Error> {
        let kept = match self.store.exactly(account)? {
            Some(login) => self.store.read(&login)?.map(|set| (login, set)),
            None => None,
        };
        if kept.is_none() && before.is_some() && self.is_for_people() {
            return Err(self.ended(account, "was ended by a logout"));
        }
        let alive = match &kept {
            None => None,
            Some((login, set)) => {
                // Another process got a new token from the provider while we waited, which is proof enough for us, too.
                let is_news = set.access != before.and_then(|set| set.access.clone());
                match self.step_of(login, set, self.request.check_live && !is_news)? {
                    Step::Answer => return Ok(self.credential(login, set)),
                    Step::RenewIfFree | Step::RenewIfPossible => Some(self.credential(login, set)),
                    Step::Renew => None,
                }
            }
        };
        if let Some(failure) = self.store.failure(account) {
            // The process that we waited for could not reach the provider: don't try again one by one.
            if let Some(answer) = alive.clone().map(Ok).or(failure.said.map(Err)) {
                return answer;
            }
        }
        let held = SignalGuard::begin();
        let answer = self.renew_now(account, kept, alive);
        drop(held);
        answer
    }

    fn renew_now(
        &self,
        account: Option<&str>,
        kept: Option<Kept>,
        alive: Option<Credential>,
    ) -> Result<Credential, Error> {
        let had_time = self.left() >= EACH;
        let error = match (self.exchange(kept.as_ref()), kept) {
            (Ok(new), Some((login, old))) => {
                let new = if self.is_for_people() { new.of_sign_in(&old) } else { new.after(&old) };
                let login = self.store.renew(&login, &new)?;
                match new.complaint.as_deref().map(Error::unavailable) {
                    None => {
                        self.store.forget_failure(account);
                        return Ok(self.credential(&login, &new));
                    }
                    Some(error) => {
                        self.store.note_failure(account, Some(&error));
                        // The access token is the old one, the refresh token is new.
                        return alive.map(|_| self.credential(&login, &new)).ok_or(error);
                    }
                }
            }
            (Ok(new), None) => {
                let new = new.whole()?;
                self.store.keep(account, &new, false)?;
                let login = self.store.exactly(account)?;
                return login.map(|login| self.credential(&login, &new)).ok_or_else(|| self.ended(account, "is gone"));
            }
            (Err(RenewalError::Theirs(TokenError::Code("invalid_grant", _))), Some((login, old)))
                if self.is_for_people() =>
            {
                // Kept and marked, so that `status` can say that the provider ended the sign-in.
                self.store.renew(&login, &TokenSet { refused: true, ..old })?;
                return Err(self.ended(account, "was ended by the provider (invalid_grant)"));
            }
            (Err(RenewalError::Theirs(TokenError::Unclear(_))), Some((login, old))) if self.is_for_people() => {
                return self.doubt(&login, old, alive);
            }
            (Err(RenewalError::Ours(error)), _) => {
                if alive.is_some() {
                    self.store.note_failure(account, None);
                }
                error
            }
            (Err(RenewalError::Theirs(failed)), _) => {
                let error = failed.error(self.client.provider, &self.store.login_command(account));
                // A caller with too little time has learned nothing about the provider that others could use.
                let said = Some(&error).filter(|error| had_time && error.class() == Class::Unavailable);
                if alive.is_some() || said.is_some() {
                    self.store.note_failure(account, said);
                }
                error
            }
        };
        alive.ok_or(error)
    }

    /// The provider refused and did not say why: a refresh token that is dead, or a bad day, such as a firewall's. It is
    /// asked once more later, and then the user is to sign in; but the token stays, and is tried whenever one is due.
    fn doubt(&self, login: &Login, old: TokenSet, alive: Option<Credential>) -> Result<Credential, Error> {
        let account = login.account.as_deref();
        let here = now() / 1000;
        // What was long ago says nothing about today.
        let is_recent = |since: &Seconds| *since <= here && here - since < DOUBT_PERIOD;
        let since = old.doubted.filter(is_recent).unwrap_or(here);
        self.store.renew(login, &TokenSet { doubted: Some(since), ..old })?;
        let name = &self.client.provider.name;
        let error = if here >= since + DOUBT {
            self.ended(account, UNCLEAR)
        } else {
            Error::unavailable(format!("{name} refused the renewal and did not say why; try again later"))
        };
        self.store.note_failure(account, Some(&error));
        alive.ok_or(error)
    }

    fn exchange(&self, old: Option<&Kept>) -> Result<TokenSet, RenewalError> {
        if !self.is_for_people() {
            // No refresh token is kept, so nothing of an unusable answer has to be saved.
            return Ok(flows::mint(self.client)?.whole().map_err(TokenError::Error)?);
        }
        let Some((login, old)) = old else {
            return Err(RenewalError::Ours(Error::broke("there is no token set to renew")));
        };
        let Some(refresh) = &old.refresh else {
            return Err(RenewalError::Ours(Error::broke("there is no refresh token to renew with")));
        };
        self.has_time()?;
        // If the new set can't be stored the grant is lost, so find out whether it can while the old one is valid.
        self.store.rewrite(login, old).map_err(RenewalError::Ours)?;
        let endpoints = self.client.endpoints(&[Endpoint::Token]).map_err(TokenError::Error)?;
        // The keychain and discovery may have taken most of the time.
        self.has_time()?;
        Ok(flows::refresh(self.client, &endpoints, refresh)?)
    }

    /// An error unless enough time is left: a request that is given up may have used up the refresh token.
    fn has_time(&self) -> Result<(), RenewalError> {
        if self.left() >= EACH {
            return Ok(());
        }
        let (provider, each) = (&self.client.provider.name, EACH.as_secs());
        let late = "are left, and the token has to be renewed";
        Err(RenewalError::Ours(Error::unavailable(format!("{provider}: less than {each} s {late}; ask again"))))
    }

    /// The time until the caller's deadline.
    fn left(&self) -> Duration {
        self.client.until.saturating_duration_since(Instant::now())
    }

    /// The login with its token set. `None` if the set is gone and can be requested again without a user.
    fn read(&self, login: Login) -> Result<Option<Kept>, Error> {
        let account = login.account.clone();
        let gone = || self.ended(account.as_deref(), "is no longer where it was kept");
        let set = match self.store.read(&login)? {
            Some(set) => set,
            None if !self.is_for_people() => return Ok(None),
            None => {
                // Another process may be moving or removing it, so read again under the lock.
                let _lock = self.store.lock(account.as_deref(), self.left());
                let login = self.store.exactly(account.as_deref())?;
                login.map(|login| self.store.read(&login)).transpose()?.flatten().ok_or_else(gone)?
            }
        };
        Ok(Some((login, set)))
    }

    fn step(&self, login: &Login, set: &TokenSet) -> Result<Step, Error> {
        self.step_of(login, set, self.request.check_live)
    }

    /// `check_live` is the request's, or `false` if the proof is there.
    fn step_of(&self, login: &Login, set: &TokenSet, check_live: bool) -> Result<Step, Error> {
        let is_bound = binding::is_usable(self.client, set);
        let step = Step::of(set, is_bound, self.is_for_people(), check_live, self.request);
        let hint = if set.refresh.is_none() { no_refresh_hint(self.client.provider) } else { "" };
        step.map_err(|why| self.ended(login.account.as_deref(), &format!("{why}{hint}")))
    }

    fn ended(&self, account: Option<&str>, why: &str) -> Error {
        let (provider, login) = (&self.client.provider.name, self.store.login_command(account));
        Error::sign_in(format!("the sign-in to {provider} {why}; run: {login}"))
    }

    fn is_for_people(&self) -> bool {
        self.client.provider.flow.is_for_people()
    }

    fn credential(&self, login: &Login, set: &TokenSet) -> Credential {
        let provider = self.client.provider;
        let access = set.access.clone().unwrap_or_default();
        let mut credential = Credential::new(Auth::Bearer(access)).from_source(format!("provider:{}", provider.name));
        credential.username.clone_from(&login.account);
        credential.account = set.who.clone().or_else(|| login.account.clone());
        credential.expires_at = set.expires_at;
        credential.refresh_token.clone_from(&set.refresh);
        if provider.anthropic {
            credential.headers = vec![HEADER.to_owned()];
        }
        credential
    }
}
