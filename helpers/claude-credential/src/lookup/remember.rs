use claude_credential_config::{claude, generation};

use crate::cache::{FastRecord, Watched, may_match_ignored};
use crate::chain::{Dependency, ResolvedEntry};
use crate::context::Context;
use crate::query::{Query, profile};

/// Records for the fast path that this call found the kept answer of `entry` under `key`. The files that decided it are
/// read only now, and the call may have waited since it decided; so the record counts once a second call has found the
/// same, with every file unchanged before and after.
pub(super) fn remember(context: &Context, query: &Query, key: &str, entry: &str) {
    let Some(fast_key) = &context.fast_key else { return };
    let watched = watched(context, query);
    if !fast_key.saw_config(&context.config.text) {
        return;
    }
    // A credential that has to be checked is checked each time, and a variable is asked each time.
    let (variables, _) = query.leading_variables();
    let is_unsettled = !watched.iter().all(Watched::is_settled);
    if query.request.check_live || variables.iter().any(ResolvedEntry::is_live) || is_unsettled {
        return;
    }
    // Two calls that differ only in such a variable would have the same fast key.
    let mut dependencies = query.chain.iter().flat_map(|entry| &entry.dependencies);
    if dependencies.any(|dependency| matches!(dependency, Dependency::Vary(names) if may_match_ignored(names))) {
        return;
    }
    let (entry, ttl) = (entry.to_owned(), query.configured_ttl(entry));
    fast_key.write(FastRecord { key: key.to_owned(), entry, ttl, min_ttl: query.request.min_ttl }, watched);
}

/// Every file and folder that decided the profile, the entries and the key, except the configuration itself.
fn watched(context: &Context, query: &Query) -> Vec<Watched> {
    let mut watched = vec![Watched::File(generation::path(&context.folders))];
    for entry in &query.chain {
        watched.extend(entry.watched.iter().chain(entry.files()).cloned().map(Watched::File));
    }
    // Not if the profile was named: one of the directories may be on a server that does not answer.
    if profile::name(context).is_ok_and(|name| name.is_none()) {
        let directories = context.config.profiles.values().flat_map(|profile| &profile.directories);
        watched.extend(directories.cloned().map(Watched::Folder));
    }
    if context.for_client {
        // A project's settings, present or absent, in any parent folder: they may send the key to another host.
        let folder = std::env::current_dir().unwrap_or_default();
        watched.extend(claude::project_places(&folder).map(Watched::File));
        watched.push(Watched::Folder(context.folders.claude.clone()));
    }
    watched
}
