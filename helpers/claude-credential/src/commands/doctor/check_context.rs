use std::cell::{Cell, OnceCell};
use std::time::Duration;

use claude_credential_config::Profile;
use claude_credential_config::claude::{self, EffectiveSetting, Scope, SettingsFile};
use claude_credential_process::Interrupted;
use claude_credential_protocol::Error;

use crate::chain::{ResolvedEntry, resolve};
use crate::context::Context;
use crate::query::{chain_names, profile};
use crate::ttl::{DEFAULT_TTL, TTL_VARIABLE};

/// What the checks look at, read once.
pub(super) struct CheckContext {
    pub(super) context: Context,
    /// Why `config.toml` can't be read. The context has the built-in configuration then.
    pub(super) config_error: Option<Error>,
    /// The profile that Claude Code's helper would use here.
    pub(super) profile: Result<Profile, Error>,
    /// Claude Code's settings, the one that wins first.
    pub(super) settings: Vec<SettingsFile>,
    pub(super) live: bool,
    /// The signal that ends the doctor: what a check found after it counts for nothing.
    pub(super) interrupted: Cell<Option<Interrupted>>,
    /// The profile's hosts, each with what the probe saw there. Filled by the first check that needs it.
    pub(super) probes: OnceCell<Vec<(String, Result<Probe, Error>)>>,
}

/// What claude-credential-probe, which speaks TLS, saw at one host: a status for each way to send a key.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) clock_ahead: Option<i64>,
    /// The status for a key in both headers, as Claude Code sends its helper's key.
    pub(super) both: u64,
    /// Where it redirects to.
    pub(super) leads_to: Option<String>,
    pub(super) x_api_key: Option<u64>,
    pub(super) authorization: Option<u64>,
}

impl CheckContext {
    pub(super) fn new(context: Context, config_error: Option<Error>, settings: Vec<SettingsFile>, live: bool) -> Self {
        let profile = profile::choose(&context);
        let (interrupted, probes) = (Cell::new(None), OnceCell::new());
        Self { context, config_error, profile, settings, live, interrupted, probes }
    }

    /// The entries of the profile's chain, as Claude Code's helper would ask them.
    pub(super) fn entries(&self) -> Vec<ResolvedEntry> {
        let Ok(profile) = &self.profile else { return Vec::new() };
        chain_names(&self.context, profile).iter().filter_map(|name| resolve(name, profile, &self.context)).collect()
    }

    /// The `apiKeyHelper` that Claude Code runs here, and the file that sets it.
    pub(super) fn helper(&self) -> Option<(&SettingsFile, &str)> {
        let (file, line) = claude::deciding(&self.settings, claude::API_KEY_HELPER)?;
        let command = line.value.as_ref()?.expose();
        (!command.trim().is_empty()).then_some((file, command))
    }

    /// The effective variable of that name, in Claude Code's settings or in the environment.
    pub(super) fn variable(&self, name: &str) -> Option<EffectiveSetting> {
        claude::variable(&self.settings, &self.context.environment, name)
    }

    /// How long Claude Code keeps the key that its helper printed.
    pub(super) fn client_ttl(&self) -> Duration {
        let value = self.variable(TTL_VARIABLE).and_then(|variable| variable.value.expose().parse().ok());
        value.map_or(DEFAULT_TTL, Duration::from_millis)
    }

    pub(super) fn managed(&self) -> impl Iterator<Item = &SettingsFile> {
        self.settings.iter().filter(|file| file.scope == Scope::Managed)
    }
}
