//! Claude Code's environment, which contains more than the shell's variables.

use claude_credential_config::Environment;
use claude_credential_config::claude::{Scope, SettingsFile};

/// The environment that Claude Code gives its helper: it contains the variables that the user's and the administrator's
/// settings set. Claude Code applies a project's settings only after it has run the helper for the first time.
pub(crate) fn environment_of_client(here: &Environment, settings: &[SettingsFile]) -> Environment {
    with_settings(here, of_user(settings))
}

/// The environment with the variables that these settings files set; the file that wins comes first.
pub(crate) fn with_settings<'a>(
    here: &Environment,
    settings: impl DoubleEndedIterator<Item = &'a SettingsFile>,
) -> Environment {
    let set = settings.rev().filter_map(|file| file.sets.as_ref().ok()).flatten().filter_map(|line| {
        let name = line.name.strip_prefix("env.")?;
        Some((name.into(), line.value.as_ref()?.expose().into()))
    });
    let inherited = here.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Environment::from_pairs(inherited.chain(set))
}

/// The settings files of the user and the administrator; the file that wins comes first.
pub(crate) fn of_user(settings: &[SettingsFile]) -> impl DoubleEndedIterator<Item = &SettingsFile> {
    settings.iter().filter(|file| matches!(file.scope, Scope::User | Scope::Managed))
}
