use std::time::Duration;

use crate::cache::{Cached, Staleness};
use crate::chain::{EntryOutcome, ResolvedEntry};
use crate::terminal::log::Log;

/// Is told what a lookup sees and decides. The log is one observer, the rows of `explain` are another.
pub(crate) trait Observer {
    /// The lookup read the cache, or had no reason to.
    fn cache(&mut self, _view: CacheView<'_>) {}

    /// The outcome of an entry. `took` is `None` if the entry was not asked.
    fn entry(&mut self, _entry: &ResolvedEntry, _outcome: &EntryOutcome, _took: Option<Duration>) {}

    /// The entries may not be asked again so soon after a refusal.
    fn throttled(&mut self) {}
}

/// What the cache has for a lookup.
#[derive(Debug)]
pub(crate) enum CacheView<'a> {
    /// Such a lookup does not use the cache, for this reason.
    NotUsed(String),
    /// No answer is kept; the entry whose answer was erased, if there was one.
    Empty(Option<String>),
    /// An answer is kept, and serves unless it is stale.
    Kept(&'a Cached, Option<Staleness>),
}

impl Observer for &Log {
    fn cache(&mut self, view: CacheView<'_>) {
        match view {
            CacheView::Kept(cached, None) => self.cache_served(&cached.entry, cached.age()),
            CacheView::Kept(_, Some(staleness)) => self.cache_missed(&staleness),
            CacheView::NotUsed(_) | CacheView::Empty(_) => {}
        }
    }

    fn entry(&mut self, entry: &ResolvedEntry, outcome: &EntryOutcome, _took: Option<Duration>) {
        if let EntryOutcome::Skipped(skip) = outcome {
            self.entry_skipped(entry.name(), &skip.reason);
        }
    }

    fn throttled(&mut self) {
        self.cache_missed(&"it was refused, and the entries were asked again a short time ago");
    }
}
