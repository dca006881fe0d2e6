use std::cell::{Cell, OnceCell};
use std::path::PathBuf;
use std::time::Duration;

use claude_credential_config::Profile;
use claude_credential_config::claude::{self, Scope, SettingsFile};
use claude_credential_process::Interrupted;
use claude_credential_protocol::Error;

use super::checks::live::Seen;
use crate::ask::{DEFAULT_TTL, TTL_VARIABLE};
use crate::chain::Link;
use crate::context::Context;
use crate::profile;

/// What is looked at, read once.
pub(super) struct Situation {
    pub(super) context: Context,
    /// Why `config.toml` can't be read; what holds without one stands in the context then.
    pub(super) trouble: Option<Error>,
    /// The profile that the client's helper would use here.
    pub(super) profile: Result<Profile, Error>,
    /// Claude Code's settings, the one that wins first.
    pub(super) settings: Vec<SettingsFile>,
    pub(super) live: bool,
    /// Somebody wants us to end: what was found since is not worth saying.
    pub(super) interrupted: Cell<Option<Interrupted>>,
    pub(super) seen: OnceCell<Vec<(String, Result<Seen, Error>)>>,
}

/// Where something that the client goes by is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Variable,
    File(PathBuf),
}

impl Situation {
    pub(super) fn new(context: Context, trouble: Option<Error>, settings: Vec<SettingsFile>, live: bool) -> Self {
        let profile = profile::choose(&context);
        Self { context, trouble, profile, settings, live, interrupted: Cell::new(None), seen: OnceCell::new() }
    }

    /// The entries of the profile's chain, as the client's helper would ask them.
    pub(super) fn links(&self) -> Vec<Link> {
        let Ok(profile) = &self.profile else { return Vec::new() };
        let names = if self.context.options.chain.is_empty() { &profile.chain } else { &self.context.options.chain };
        names.iter().filter_map(|name| Link::resolve(name, profile, &self.context)).collect()
    }

    /// The `apiKeyHelper` that the client runs here, and the file that sets it.
    pub(super) fn helper(&self) -> Option<(&SettingsFile, &str)> {
        self.settings.iter().find_map(|file| {
            let command = file.get(claude::API_KEY_HELPER)?.value.as_ref()?.expose();
            (!command.trim().is_empty()).then_some((file, command))
        })
    }

    /// A variable that the client goes by: settings may set it, and win over the environment.
    pub(super) fn variable(&self, name: &str) -> Option<(&str, Place)> {
        let in_settings = self.settings.iter().find_map(|file| {
            let value = file.get(&format!("env.{name}"))?.value.as_ref()?.expose();
            (!value.is_empty()).then(|| (value, Place::File(file.file.clone())))
        });
        // What is not UTF-8 is none of the values that anybody looks for, and set all the same.
        let in_environment = || self.context.environment.get_os(name).map(|value| value.to_str().unwrap_or("?"));
        in_settings.or_else(|| Some((in_environment()?, Place::Variable)))
    }

    /// For how long the client keeps what its helper printed.
    pub(super) fn client_ttl(&self) -> Duration {
        let value = self.variable(TTL_VARIABLE).and_then(|(value, _)| value.parse().ok());
        value.map_or(DEFAULT_TTL, Duration::from_millis)
    }

    pub(super) fn managed(&self) -> impl Iterator<Item = &SettingsFile> {
        self.settings.iter().filter(|file| file.scope == Scope::Managed)
    }
}

impl Place {
    /// What takes `name` away from there.
    pub(super) fn removal(&self, name: &str) -> String {
        match self {
            Self::Variable => format!("run: unset {name}"),
            Self::File(file) => format!("remove {name} from `env` in {}", file.display()),
        }
    }
}
