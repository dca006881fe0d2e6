use claude_credential_config::claude::{self, SettingsFile};
use claude_credential_config::{Folders, Profile};
use claude_credential_protocol::{CUSTOM_HEADERS, Error, Origin, Surroundings};

use crate::client::cloud::Cloud;
use crate::client::environment::{environment_of_client, of_user};
use crate::context::Context;
use crate::query::profile::{API, check_project, require_listed};

/// Where the command will send the credential. Every host that its variables, its settings or its project name has to be
/// on the profile's list, because the command starts at once, and what they name decides where the secret goes.
#[derive(Debug)]
pub(super) struct CommandDestination {
    origin: Origin,
    client: ClientStart,
    /// The cloud whose gateway the client sends keys to, if it is set up for one.
    cloud_gateway: Option<Cloud>,
}

/// What decides where Claude Code sends a key when it is started with the profile. The variables in the user's and the
/// administrator's settings win over those that the command is given.
#[derive(Debug)]
struct ClientStart {
    context: Context,
    settings: Vec<SettingsFile>,
}

impl CommandDestination {
    pub(super) fn of(context: &Context, profile: &Profile) -> Result<Self, Error> {
        check_project(context, profile)?;
        let client = ClientStart::of(context, profile)?;
        let context = &client.context;
        let cloud_gateway = context.client_mode.gateway();
        let variable = context.client_mode.base_url();
        let origin = match (client.origin(profile, variable)?, cloud_gateway) {
            (Some(origin), _) => origin,
            // Without the variable the client would send the gateway's key to the cloud itself.
            (None, Some(cloud)) => {
                let of_cloud = Origin::listed(&cloud.host(&context.environment)?);
                let of_cloud = of_cloud.map_err(|error| Error::config(format!("the region is not one: {error}")))?;
                require_listed(context, profile, &of_cloud, &format!("without {variable} the client"))?;
                of_cloud
            }
            (None, None) => profile.hosts[0].clone(),
        };
        Ok(Self { origin, client, cloud_gateway })
    }

    /// The host that the credential is for.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What stays in the command's environment. If the key is for a cloud's gateway, Claude Code sends it by the cloud's
    /// own protocol, so the cloud's variables stay.
    pub(super) fn surroundings(&self, here: &Context) -> Result<Surroundings, Error> {
        let custom_headers = here.environment.get(CUSTOM_HEADERS)?.unwrap_or_default().to_owned();
        Ok(Surroundings { custom_headers, is_cloud_gateway: self.cloud_gateway.is_some() })
    }

    /// The settings files that the client reads when it is started here, the one that wins first.
    pub(super) fn settings(&self) -> &[SettingsFile] {
        &self.client.settings
    }

    /// The variable that sends the command to the profile's host, for a credential of `cloud` or of no cloud; `None` if
    /// it needs none.
    pub(super) fn variable(
        &self,
        profile: &Profile,
        cloud: Option<Cloud>,
    ) -> Result<Option<(&'static str, String)>, Error> {
        let cloud = cloud.or(self.cloud_gateway);
        let variable = Cloud::base_url_of(cloud);
        let is_set = self.client.origin(profile, variable)?.is_some();
        let host = profile.hosts[0].to_string();
        // A cloud's own host needs no variable, and neither does the client's default.
        let is_default = cloud.is_some() || host == API;
        Ok((!is_set && !is_default).then_some((variable, host)))
    }
}

impl ClientStart {
    fn of(here: &Context, profile: &Profile) -> Result<Self, Error> {
        let claude = profile.claude_config_dir.clone().unwrap_or_else(|| here.folders.claude.clone());
        let folders = Folders { claude, ..here.folders.clone() };
        let folder = std::env::current_dir().unwrap_or_else(|_| folders.home.clone());
        let settings = claude::scopes(&folder, &folders);
        // A file that can't be read may name another host.
        if let Some(error) = of_user(&settings).find_map(|file| file.sets.as_ref().err()) {
            return Err(Error::config(error.to_string()));
        }
        let environment = environment_of_client(&here.environment, &settings);
        let context = Context::with(here.options.clone(), environment, folders, here.config.clone(), false);
        Ok(Self { context, settings })
    }

    /// The host that `variable` names; `None` if it is not set. Fails if the profile does not list the host.
    fn origin(&self, profile: &Profile, variable: &str) -> Result<Option<Origin>, Error> {
        let Some(url) = self.context.environment.get_os(variable) else { return Ok(None) };
        let named = self.with_place(variable);
        let origin = Origin::of_url(url.to_str().unwrap_or_default());
        let origin = origin.map_err(|error| Error::config(format!("{named} is {error}")))?;
        require_listed(&self.context, profile, &origin, &named)?;
        Ok(Some(origin))
    }

    /// The variable's name, after the file and line of the settings if they set it.
    fn with_place(&self, variable: &str) -> String {
        let name = format!("env.{variable}");
        let in_settings = of_user(&self.settings).find_map(|file| {
            let line = file.get(&name).filter(|line| line.value.is_some())?;
            Some(format!("{}:{}: {variable}", file.file.display(), line.number))
        });
        in_settings.unwrap_or_else(|| variable.to_owned())
    }
}
