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

impl Basis {
    pub(super) fn of(context: &Context, query: &Query) -> Self {
        let mut files = vec![generation::path(&context.folders), context.config_file()];
        files.extend(query.chain.iter().flat_map(ResolvedEntry::files).cloned());
        if query.chain.iter().any(|entry| entry.runs_setting.is_some()) {
            files.extend(claude::settings_places(&context.folders));
        }
        Self(files.iter().map(PathBuf::as_path).map(Identity::of).collect())
    }

    /// Whether the query still has the key of `slot`, and had no other one in between.
    pub(super) fn holds(&self, slot: &Slot<'_>) -> bool {
        let Slot { context, query, cache, key } = slot;
        let text = context.config.text.as_bytes();
        let config = read(&context.config_file(), Trust::Settings, text.len() as u64);
        let is_same_config = config.is_ok_and(|found| found.map_or(text.is_empty(), |found| *found == text));
        let is_same_key = || query.again(context).is_ok_and(|again| Slot::of(context, &again, cache).key == *key);
        is_same_config && is_same_key() && *self == Self::of(context, query)
    }
}
