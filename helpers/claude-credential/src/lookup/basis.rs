use std::path::PathBuf;

use claude_credential_config::{claude, generation};
use claude_credential_files::{Identity, Trust, read};

use super::Slot;
use crate::chain::ResolvedEntry;
use crate::context::Context;
use crate::query::Query;

/// The state of the files that decide what the entries of a query answer. Taken before they are asked, it tells
/// afterwards whether the answer belongs under the key that was computed at first.
///
/// The indexes of kept keys and sign-ins are none of them: a run may write there itself, and what a user changes there
/// begins a new generation.
#[derive(PartialEq, Eq)]
pub(super) struct Basis(Vec<Identity>);

/// For whom the outcome of a run is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// For every call with the key.
    Key,
    /// For the calls that waited. What decides it changed before the run, after they had computed their key.
    Waiters,
    /// For the call that ran. What decides it changed during the run.
    Caller,
}

impl Basis {
    pub(super) fn of(context: &Context, query: &Query) -> Self {
        let mut files = vec![generation::path(&context.folders), context.config_file()];
        files.extend(query.chain.iter().flat_map(ResolvedEntry::files).cloned());
        if query.chain.iter().any(|entry| entry.runs_setting.is_some()) {
            files.extend(claude::settings_places(&context.folders));
        }
        Self(files.iter().map(PathBuf::as_path).map(Identity::of).collect())
    }

    /// For whom an answer is good that was obtained since then for the query of `slot`.
    pub(super) fn scope(&self, slot: &Slot<'_>) -> Scope {
        let Slot { context, query, .. } = slot;
        if *self != Self::of(context, query) {
            Scope::Caller
        } else if has_its_key(slot) {
            Scope::Key
        } else {
            Scope::Waiters
        }
    }
}

/// Whether the query of `slot`, read again, still has the key of `slot`.
fn has_its_key(slot: &Slot<'_>) -> bool {
    let Slot { context, query, cache, key } = slot;
    let text = context.config.text.as_bytes();
    let config = read(&context.config_file(), Trust::Settings, text.len() as u64);
    let is_same_config = config.is_ok_and(|found| found.map_or(text.is_empty(), |found| *found == text));
    is_same_config && query.again(context).is_ok_and(|again| Slot::of(context, &again, cache).key == *key)
}
