//! The status of one profile, found without asking an entry: in variables, the cache, and the indexes of keys and
//! sign-ins.

use std::cell::RefCell;
use std::path::PathBuf;
use std::time::Duration;

use claude_credential_config::{Profile, Program};
use claude_credential_protocol::{BaseUrl, Class, Seconds, millis, now, text};
use serde::Serialize;

use super::known_credential::KnownCredential;
use crate::cache::Cached;
use crate::chain::ResolvedEntry;
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::observer::{CacheView, Observer};
use crate::lookup::{self, Found};
use crate::query::Query;

/// The status of all profiles, and for how long the user wants their credentials to live.
pub(super) struct Overview {
    pub(super) profiles: Vec<ProfileStatus>,
    pub(super) min_ttl: Option<Duration>,
}

impl Overview {
    /// Whether the profile's credential expires sooner than the user wants.
    pub(super) fn is_short(&self, status: &ProfileStatus) -> bool {
        let min_ttl = self.min_ttl.map_or(0, millis);
        self.min_ttl.is_some() && status.expires_at.is_some_and(|at| (at * 1000).saturating_sub(now()) < min_ttl)
    }

    /// 1 if the user wants a minimum and a credential expires sooner, or no profile has one.
    pub(super) fn exit_code(&self) -> u8 {
        let has_any = |status: &ProfileStatus| matches!(status.state, ProfileState::Answers | ProfileState::Asked);
        let is_any = self.profiles.iter().any(has_any);
        u8::from(self.min_ttl.is_some() && (!is_any || self.profiles.iter().any(|status| self.is_short(status))))
    }
}

#[derive(Debug, Default)]
pub(crate) struct ProfileStatus {
    pub(crate) profile: String,
    /// Whether it is the profile in use here.
    pub(crate) here: bool,
    pub(crate) state: ProfileState,
    pub(crate) entry: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) place: Option<&'static str>,
    pub(crate) expires_at: Option<Seconds>,
    pub(crate) hosts: Vec<String>,
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) problem: Option<String>,
}

/// What a lookup for the profile would come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProfileState {
    /// A variable or the cache would answer at once.
    Answers,
    /// An entry would be asked.
    Asked,
    /// There is nothing to ask.
    #[default]
    Nothing,
    /// The lookup would fail.
    Problem,
}

impl ProfileStatus {
    pub(crate) fn of(context: &Context, profile: Profile, here: bool) -> Self {
        let mut status = Self {
            profile: profile.name.clone(),
            here,
            hosts: profile.hosts.iter().map(BaseUrl::as_listed).collect(),
            directories: profile.directories.clone(),
            ..Self::default()
        };
        let host = profile.hosts[0].clone();
        match Query::new(context, profile, &host)
            .map_err(Failure::from)
            .and_then(|query| status.peek(context, &query, &host))
        {
            Ok(()) => status,
            Err(failure) => Self { state: ProfileState::Problem, problem: Some(failure.to_string()), ..status },
        }
    }

    /// Runs the lookup as far as it gets without asking an entry.
    fn peek(&mut self, context: &Context, query: &Query, host: &BaseUrl) -> Result<(), Failure> {
        let known = RefCell::new(KnownCredential::default());
        let has = |entry: &ResolvedEntry| {
            let Some(mut of_entry) = KnownCredential::of(context, entry, host)? else { return Ok(false) };
            let problem = of_entry.problem.take();
            known.replace(of_entry);
            problem.map_or(Ok(true), Err)
        };
        let mut kept = KeptAnswer(None);
        let found = lookup::peek(context, query, &has, &mut kept);
        let last = |entry: &str| kept.0.as_ref().filter(|cached| cached.entry == entry);
        match found {
            Ok(Found::WouldAsk(entry)) => {
                let state = if is_variable(query, entry) { ProfileState::Answers } else { ProfileState::Asked };
                self.set_entry(entry, state);
                self.set_credential(known.into_inner(), last(entry.name()));
            }
            Ok(Found::Answer(answer)) => {
                if let Some(entry) = query.entry(&answer.entry) {
                    self.set_entry(entry, ProfileState::Answers);
                    let known = KnownCredential::of(context, entry, host)?.unwrap_or_default();
                    self.set_credential(known, last(&answer.entry));
                }
            }
            Err(Failure::Error(error)) if error.class() == Class::NotFound => {}
            Err(Failure::Entry(name, error)) => {
                if let Some(entry) = query.entry(&name) {
                    self.set_entry(entry, ProfileState::Problem);
                    self.source = known.into_inner().source.or(self.source.take());
                }
                return Err(error.into());
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn set_entry(&mut self, entry: &ResolvedEntry, state: ProfileState) {
        self.state = state;
        self.entry = Some(entry.name().to_owned());
        self.source = Some(match entry.program() {
            Program::Command(_) | Program::Shell(_) => "command".to_owned(),
            Program::Helper { .. } => {
                format!("helper {}", text::shown(entry.program().short_name().unwrap_or_default()))
            }
        });
    }

    /// Describes the entry's credential; what the entry's `last` answer says counts more than what is `known` otherwise.
    fn set_credential(&mut self, known: KnownCredential, last: Option<&Cached>) {
        self.source = known.source.or(self.source.take());
        (self.account, self.place, self.expires_at) = (known.account, known.place, known.expires_at);
        let Some(Cached { credential, .. }) = last else { return };
        self.source = credential.source.clone().or(self.source.take());
        self.account = credential.account.clone().or(credential.username.clone()).or(self.account.take());
        self.expires_at = credential.expires_at;
    }
}

/// The kept answer that a lookup saw, stale or not.
struct KeptAnswer(Option<Cached>);

impl Observer for KeptAnswer {
    fn cache(&mut self, view: CacheView<'_>) {
        if let CacheView::Kept(cached, _) = view {
            self.0 = Some(cached.clone());
        }
    }
}

/// Whether a lookup asks the entry before the cache, because it answers from a variable.
fn is_variable(query: &Query, entry: &ResolvedEntry) -> bool {
    query.leading_variables().0.iter().any(|leading| leading.name() == entry.name())
}
