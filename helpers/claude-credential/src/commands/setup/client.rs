//! Claude Code after setup: its settings, and the host to which it sends the key.

use claude_credential_config::Profile;
use claude_credential_config::claude::{self, Scope, SettingSource, SettingsFile};
use claude_credential_protocol::{BaseUrl, Error};

use super::{Plan, Preset};
use crate::client::destination::{Destination as Place, Reason, destinations};
use crate::client::environment::with_settings;
use crate::client::mode::ClientMode;
use crate::context::Context;
use crate::query::profile::unlisted;

/// The settings files that Claude Code reads here, in order of precedence.
pub(super) fn scopes(context: &Context) -> Vec<SettingsFile> {
    let here = std::env::current_dir().unwrap_or_else(|_| context.folders.home.clone());
    claude::scopes(&here, &context.folders)
}

/// The same, as they will be.
pub(super) fn files(context: &Context, plan: &Plan) -> Vec<SettingsFile> {
    let mut files = scopes(context);
    files.retain(|file| file.scope != Scope::User);
    files.push(SettingsFile::of_user(&plan.settings.target.path, plan.settings.after()));
    files
}

/// The host to which Claude Code sends the key of the profile `default`.
pub(super) struct Destination {
    pub(super) host: BaseUrl,
    /// What to tell the user if only a variable of this shell names another host.
    pub(super) warning: Option<String>,
}

impl Destination {
    /// Fails if the profile does not list the host: Claude Code would get no key at all.
    pub(super) fn of_key(context: &Context, preset: &Preset, plan: &Plan) -> Result<Self, Error> {
        let profile = &context.config.profiles["default"];
        let first = || Self { host: profile.hosts[0].clone(), warning: None };
        // A base URL in project settings concerns that project only.
        let mut files = files(context, plan);
        files.retain(|file| matches!(file.scope, Scope::User | Scope::Managed));
        let asks_default = preset.settings.api_key_helper.is_some() && preset.profile().is_none();
        let environment = with_settings(&context.environment, files.iter());
        // `effects` warns that the cloud takes precedence.
        if !asks_default || ClientMode::of(&environment).sends_credentials_of().is_some() {
            return Ok(first());
        }
        let mut hosts = Vec::new();
        for place in destinations(&environment) {
            match (listed(context, profile, &place), place.reason) {
                (Ok(host), _) => hosts.push(host),
                (Err(error), Reason::Default) => return Err(error),
                (Err(error), Reason::Named(variable) | Reason::OwnHost { switch: variable, .. }) => {
                    match claude::variable(&files, &context.environment, variable).map(|variable| variable.place) {
                        // Another shell may have another value.
                        None | Some(SettingSource::Environment) => {
                            return Ok(Self { warning: Some(format!("{error}; or run: unset {variable}")), ..first() });
                        }
                        Some(place) => return Err(Error::config(format!("{error}; or {}", place.removal(variable)))),
                    }
                }
            }
        }
        Ok(Self { host: hosts.swap_remove(0), warning: None })
    }
}

fn listed(context: &Context, profile: &Profile, place: &Place) -> Result<BaseUrl, Error> {
    let what = place.reason.shown(str::to_owned);
    let (origin, path) = place.of_host(&what)?;
    profile.lists(origin, path).cloned().ok_or_else(|| unlisted(context, profile, origin, &what))
}
