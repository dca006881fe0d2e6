//! Claude Code after setup: its settings, and the host to which it sends the key.

use claude_credential_config::Profile;
use claude_credential_config::claude::{self, Scope, SettingSource, SettingsFile};
use claude_credential_protocol::{BaseUrl, CLOUD_SWITCHES, Error, Origin};

use super::{Plan, Preset};
use crate::context::Context;
use crate::query::profile::{API, unlisted};

const BASE_URL: &str = "ANTHROPIC_BASE_URL";

/// The settings files that Claude Code reads here, as they will be, in order of precedence.
pub(super) fn files(context: &Context, plan: &Plan) -> Vec<SettingsFile> {
    let here = std::env::current_dir().unwrap_or_else(|_| context.folders.home.clone());
    let mut files = claude::scopes(&here, &context.folders);
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
        let is_on = |cloud: &str| claude::switch(&files, &context.environment, cloud).is_some();
        // `effects` warns that the cloud takes precedence.
        if !asks_default || CLOUD_SWITCHES.iter().any(|(cloud, _)| is_on(cloud)) {
            return Ok(first());
        }
        let Some(url) = claude::variable(&files, &context.environment, BASE_URL) else {
            let origin = Origin::of_url(API).map_err(|error| Error::broke(error.to_string()))?;
            let host = profile
                .lists(&origin, "")
                .cloned()
                .ok_or_else(|| unlisted(context, profile, &origin, &format!("without {BASE_URL} Claude Code")))?;
            return Ok(Self { host, warning: None });
        };
        match (listed(context, profile, url.value.expose()), url.place) {
            (Ok(host), _) => Ok(Self { host, warning: None }),
            // Another shell may have another value.
            (Err(error), SettingSource::Environment) => {
                Ok(Self { warning: Some(format!("{error}; or run: unset {BASE_URL}")), ..first() })
            }
            (Err(error), place) => Err(Error::config(format!("{error}; or {}", place.removal(BASE_URL)))),
        }
    }
}

fn listed(context: &Context, profile: &Profile, url: &str) -> Result<BaseUrl, Error> {
    let (origin, path) =
        Origin::and_path(url).map_err(|error| Error::config(format!("{BASE_URL} is {error}; correct it")))?;
    profile.lists(&origin, path).cloned().ok_or_else(|| unlisted(context, profile, &origin, BASE_URL))
}
