use std::path::PathBuf;

use claude_credential_protocol::{Secret, now};

use super::key;
use crate::cache::{Cache, Cached, Staleness, State};
use crate::chain::{AnswerOrigin, Resolved};
use crate::context::Context;
use crate::query::Query;

/// The files of one query in the cache: the answer, the lock, the state.
pub(super) struct Slot<'a> {
    pub(super) context: &'a Context,
    pub(super) query: &'a Query,
    pub(super) cache: &'a Cache,
    pub(super) key: String,
}

impl<'a> Slot<'a> {
    pub(super) fn of(context: &'a Context, query: &'a Query, cache: &'a Cache) -> Self {
        Self { context, query, cache, key: key::of_query(&cache.hasher, query, context) }
    }

    pub(super) fn file(&self, ending: &str) -> PathBuf {
        self.cache.file(&self.key, ending)
    }

    /// The kept answer, stale or not.
    pub(super) fn kept(&self) -> Option<Cached> {
        Cache::read(&self.file("cache"), &self.context.log)
    }

    /// Why `cached` does not serve the query; `None` if it serves. The `refused` secret never serves.
    pub(super) fn staleness(&self, cached: &Cached, refused: Option<&Refused>) -> Option<Staleness> {
        if self.query.request.check_live {
            return Some(Staleness::Unchecked);
        }
        let ttl = self.query.ttl(&cached.entry, &cached.credential);
        let is_refused = refused.is_some_and(|refused| refused.secret == *cached.credential.auth.secret());
        cached.staleness(ttl, self.query.request.min_ttl, now()).or(is_refused.then_some(Staleness::Refused))
    }

    /// The kept answer, if it serves or is merely due for renewal, and was not erased.
    pub(super) fn merely_due(&self) -> Option<Cached> {
        self.kept().filter(|cached| {
            let ttl = self.query.ttl(&cached.entry, &cached.credential);
            let is_erased = self.erased().is_some_and(|erased| erased.secret == *cached.credential.auth.secret());
            !is_erased && matches!(cached.staleness(ttl, 0, now()), None | Some(Staleness::Due))
        })
    }

    /// The answer that was erased or refused: the next lookup tells the entry that gave it.
    pub(super) fn erased(&self) -> Option<Refused> {
        let path = self.file("refused");
        let Cached { credential, entry, .. } = path.exists().then(|| Cache::read(&path, &self.context.log))??;
        Some(Refused { secret: credential.auth.secret().clone(), entry: Some(entry), inferred: None })
    }

    pub(super) fn state(&self) -> State {
        State::read(&self.file("state"), &self.context.log)
    }
}

impl From<Cached> for Resolved {
    fn from(cached: Cached) -> Self {
        Self { credential: cached.credential, entry: cached.entry, origin: AnswerOrigin::Cache }
    }
}

/// A secret that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) secret: Secret,
    /// The entry that gave the secret, which is told of the refusal; `None` if it is not known.
    pub(crate) entry: Option<String>,
    /// The answer with the secret, if the refusal is inferred: Claude Code came back for a key too soon. The inference
    /// may be wrong, and Claude Code comes back without end, so runs are throttled; in between, this answer is served.
    pub(crate) inferred: Option<Resolved>,
}
