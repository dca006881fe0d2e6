use std::cell::{Cell, OnceCell};
use std::time::Duration;

use claude_credential_config::Profile;
use claude_credential_config::claude::{self, EffectiveSetting, Scope, SettingsFile};
use claude_credential_process::Interrupted;
use claude_credential_protocol::Error;

use crate::chain::entry::ResolvedEntry;
use crate::chain::resolve::resolve;
use crate::context::Context;
use crate::query::chain_names;
use crate::query::profile;
use crate::ttl::{DEFAULT_TTL, TTL_VARIABLE};

/// What is looked at, read once.
pub(super) struct CheckContext {
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
    pub(super) seen: OnceCell<Vec<(String, Result<Probed, Error>)>>,
}

/// What the executable that speaks TLS has seen at one host.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) clock_ahead: Option<i64>,
    /// To both headers, as the client sends a helper's key.
    pub(super) both: u64,
    pub(super) leads_to: Option<String>,
    pub(super) x_api_key: Option<u64>,
    pub(super) authorization: Option<u64>,
}

impl CheckContext {
    pub(super) fn new(context: Context, trouble: Option<Error>, settings: Vec<SettingsFile>, live: bool) -> Self {
        let profile = profile::choose(&context);
        Self { context, trouble, profile, settings, live, interrupted: Cell::new(None), seen: OnceCell::new() }
    }

    /// The entries of the profile's chain, as the client's helper would ask them.
    pub(super) fn entries(&self) -> Vec<ResolvedEntry> {
        let Ok(profile) = &self.profile else { return Vec::new() };
        chain_names(&self.context, profile).iter().filter_map(|name| resolve(name, profile, &self.context)).collect()
    }

    /// The `apiKeyHelper` that the client runs here, and the file that sets it.
    pub(super) fn helper(&self) -> Option<(&SettingsFile, &str)> {
        let (file, line) = claude::deciding(&self.settings, claude::API_KEY_HELPER)?;
        let command = line.value.as_ref()?.expose();
        (!command.trim().is_empty()).then_some((file, command))
    }

    /// A variable that the client goes by.
    pub(super) fn variable(&self, name: &str) -> Option<EffectiveSetting> {
        claude::variable(&self.settings, &self.context.environment, name)
    }

    /// For how long the client keeps what its helper printed.
    pub(super) fn client_ttl(&self) -> Duration {
        let value = self.variable(TTL_VARIABLE).and_then(|found| found.value.expose().parse().ok());
        value.map_or(DEFAULT_TTL, Duration::from_millis)
    }

    pub(super) fn managed(&self) -> impl Iterator<Item = &SettingsFile> {
        self.settings.iter().filter(|file| file.scope == Scope::Managed)
    }
}
