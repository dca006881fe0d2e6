//! The variables that Claude Code goes by, which are not those of the shell alone.

use claude_credential_config::Environment;
use claude_credential_config::claude::{Scope, SettingsFile};

/// The variables that the client's helper finds: what the user's and the administrator's settings set is among them. A
/// project's come too late for it.
pub(crate) fn environment_of_client(here: &Environment, settings: &[SettingsFile]) -> Environment {
    // The one that wins comes last.
    let set = of_user(settings).rev().filter_map(|file| file.sets.as_ref().ok()).flatten().filter_map(|line| {
        let name = line.name.strip_prefix("env.")?;
        Some((name.into(), line.value.as_ref()?.expose().into()))
    });
    let inherited = here.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Environment::from_pairs(inherited.chain(set))
}

/// The user's and the administrator's, the one that wins first.
pub(crate) fn of_user(settings: &[SettingsFile]) -> impl DoubleEndedIterator<Item = &SettingsFile> {
    settings.iter().filter(|file| matches!(file.scope, Scope::User | Scope::Managed))
}
