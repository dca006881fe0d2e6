use claude_credential_config::{Entry, Profile, Program, claude};

use crate::chain::builtin;
use crate::chain::entry::{Availability, Dependency, ResolvedEntry};
use crate::client::cloud::Cloud;
use crate::context::Context;

/// The entry of that name in a profile's chain: the user's, otherwise the built-in one.
pub(crate) fn resolve(name: &str, profile: &Profile, context: &Context) -> Option<ResolvedEntry> {
    let entry = match context.config.entries.get(name) {
        Some(definition) => of_user(definition, context),
        None => builtin::entry(name, profile, context)?,
    };
    // Only the oauth helper reads what Claude Code stored in that folder. Another account's login would bill another
    // payer.
    let is_oauth = matches!(entry.program(), Program::Helper { name, .. } if name == "oauth");
    let claude_config_dir = profile.claude_config_dir.clone().filter(|_| is_oauth);
    let of_setting = entry.runs_setting.map(|_| claude::settings_places(&context.folders));
    let watched = entry.watched.into_iter().chain(of_setting.into_iter().flatten()).collect();
    Some(ResolvedEntry { watched, claude_config_dir, ..entry })
}

fn of_user(definition: &Entry, context: &Context) -> ResolvedEntry {
    let cloud = Cloud::of_program(&definition.program);
    let dependencies = match (&definition.vary, cloud) {
        (Some(vary), _) => vec![Dependency::Vary(vary.clone())],
        (None, Some(cloud)) => builtin::cloud_dependencies(cloud, context),
        (None, None) => vec![Dependency::Everything],
    };
    // The helper reads the provider's section itself, so an edit of that section has to change the key.
    let provider = context.config.providers.get(&definition.name);
    let section = provider.and_then(|_| context.config.file.clone());
    let files = section.into_iter().chain(provider.and_then(builtin::assertion_file));
    let dependencies = dependencies.into_iter().chain(files.map(Dependency::File)).collect();
    ResolvedEntry {
        opaque: matches!(definition.program, Program::Helper { .. }),
        runs_setting: cloud.and_then(Cloud::runs_setting),
        ..ResolvedEntry::new(definition.clone(), Availability::Ready, dependencies)
    }
}
