use claude_credential_config::claude::{self, SettingsFile};
use claude_credential_config::{Folders, Profile};
use claude_credential_protocol::{CUSTOM_HEADERS, Error, Origin, Surroundings};

use crate::client::cloud::Cloud;
use crate::client::environment::{environment_of_client, of_user};
use crate::context::Context;
use crate::query::profile::{API, check_project, require_listed};

/// Where the command will send what it is given: every place that its variables, its settings or its project name has to be
/// on the profile's list, because the command is started here and now, and whoever wrote them decides where the secret goes.
#[derive(Debug)]
pub(super) struct Destination {
    origin: Origin,
    client: Client,
    /// A gateway in a cloud's stead, which takes the usual kinds of keys.
    cloud_gateway: Option<Cloud>,
}

/// What the client goes by when it is started with the profile: it puts the variables of the user's and of the
/// administrator's settings over those that we give it.
#[derive(Debug)]
struct Client {
    context: Context,
    settings: Vec<SettingsFile>,
}

impl Destination {
    pub(super) fn of(context: &Context, profile: &Profile) -> Result<Self, Error> {
        check_project(context, profile)?;
        let client = Client::of(context, profile)?;
        let context = &client.context;
        let cloud_gateway = context.client_mode.gateway();
        let variable = context.client_mode.base_url();
        let origin = match (client.named(profile, variable)?, cloud_gateway) {
            (Some(origin), _) => origin,
            // Without the variable the client would send the gateway's key to the cloud itself.
            (None, Some(cloud)) => {
                let own = Origin::listed(&cloud.host(&context.environment));
                let own = own.map_err(|error| Error::config(format!("the region is not one: {error}")))?;
                require_listed(context, profile, &own, &format!("without {variable} the client"))?;
                own
            }
            (None, None) => profile.hosts[0].clone(),
        };
        Ok(Self { origin, client, cloud_gateway })
    }

    /// For which the credential is asked.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What stays in the command's environment. A key for a gateway is sent by way of a cloud's own protocol, and the
    /// cloud's variables are to stay.
    pub(super) fn surroundings(&self, here: &Context) -> Surroundings {
        let custom_headers = here.environment.get(CUSTOM_HEADERS).unwrap_or_default().to_owned();
        Surroundings { custom_headers, is_cloud_gateway: self.cloud_gateway.is_some() }
    }

    /// What the client reads when it is started here, the file that wins first.
    pub(super) fn settings(&self) -> &[SettingsFile] {
        &self.client.settings
    }

    /// The variable to set, for a credential of `cloud` or of none, so that the command goes to the profile's host and
    /// to no other.
    pub(super) fn variable(
        &self,
        profile: &Profile,
        cloud: Option<Cloud>,
    ) -> Result<Option<(&'static str, String)>, Error> {
        let cloud = cloud.or(self.cloud_gateway);
        let variable = Cloud::base_url_of(cloud);
        let is_named = self.client.named(profile, variable)?.is_some();
        let host = profile.hosts[0].to_string();
        // A cloud's own host needs no variable, and neither does the client's own.
        let is_usual = cloud.is_some() || host == API;
        Ok((!is_named && !is_usual).then_some((variable, host)))
    }
}

impl Client {
    fn of(here: &Context, profile: &Profile) -> Result<Self, Error> {
        let own = profile.claude_config_dir.clone().unwrap_or_else(|| here.folders.claude.clone());
        let folders = Folders { claude: own, ..here.folders.clone() };
        let folder = std::env::current_dir().unwrap_or_else(|_| folders.home.clone());
        let settings = claude::scopes(&folder, &folders);
        // Where they would send it is not known then.
        if let Some(error) = of_user(&settings).find_map(|file| file.sets.as_ref().err()) {
            return Err(Error::config(error.to_string()));
        }
        let environment = environment_of_client(&here.environment, &settings);
        let context = Context::with(here.options.clone(), environment, folders, here.config.clone(), false);
        Ok(Self { context, settings })
    }

    /// The place that a variable names, if the profile lists it.
    fn named(&self, profile: &Profile, variable: &str) -> Result<Option<Origin>, Error> {
        let Some(url) = self.context.environment.get_os(variable) else { return Ok(None) };
        let who = self.who_sets(variable);
        let origin = Origin::of_url(url.to_str().unwrap_or_default());
        let origin = origin.map_err(|error| Error::config(format!("{who} is {error}")))?;
        require_listed(&self.context, profile, &origin, &who)?;
        Ok(Some(origin))
    }

    /// The variable, with the line of the settings that sets it.
    fn who_sets(&self, variable: &str) -> String {
        let name = format!("env.{variable}");
        let set = of_user(&self.settings).find_map(|file| {
            let line = file.get(&name).filter(|line| line.value.is_some())?;
            Some(format!("{}:{}: {variable}", file.file.display(), line.number))
        });
        set.unwrap_or_else(|| variable.to_owned())
    }
}
