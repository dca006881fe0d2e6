use claude_credential_config::claude::{self, Scope, SettingsFile};
use claude_credential_config::{Environment, Folders, Profile};
use claude_credential_protocol::{BaseUrl, CUSTOM_HEADERS, Error, Surroundings};

use crate::client::cloud::Cloud;
use crate::client::destination::{API, Destination, Reason, destinations};
use crate::client::environment::{environment_of_client, of_user, with_settings};
use crate::client::mode::{BASE_URL, ClientMode};
use crate::client::service::Service;
use crate::context::Context;
use crate::query::destination::{Project, listed, one_line};

/// Where the command will send the credential. Every host that its variables, its settings or its project name has to be
/// on the profile's list, because the command starts at once, and what they name decides where the secret goes.
#[derive(Debug)]
pub(super) struct CommandDestination {
    host: BaseUrl,
    client: ClientStart,
    project: Project,
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
        let project = Project::here(context)?;
        project.check(context, profile)?;
        let client = ClientStart::of(context, profile)?;
        let places = destinations(&client.context.environment);
        // What is not named leads to the profile's first host, since the command gets the variable for that; but not the
        // key for a cloud's gateway, which would go to the cloud itself.
        let is_gateway = client.context.client_mode.gateway().is_some();
        let counts = |place: &Destination| is_gateway || matches!(place.reason, Reason::Named(_));
        let places: Vec<Destination> = places.into_iter().filter(counts).collect();
        let hosts = client.listed(profile, &places)?;
        let host = if hosts.is_empty() { &profile.hosts[0] } else { one_line(&hosts)? }.clone();
        project.check_proxies(hosts.iter().chain([&host]))?;
        let destination = Self { host, client, project };
        destination.check(profile, &destination.client.context.environment)?;
        Ok(destination)
    }

    /// The line of `hosts` that the credential is for.
    pub(super) fn host(&self) -> &BaseUrl {
        &self.host
    }

    /// What stays in the command's environment. If the key is for a cloud's gateway, Claude Code sends it by the cloud's
    /// own protocol, so the cloud's variables stay.
    pub(super) fn surroundings(&self, here: &Context) -> Result<Surroundings, Error> {
        let custom_headers = here.environment.get(CUSTOM_HEADERS)?.unwrap_or_default().to_owned();
        Ok(Surroundings { custom_headers, is_cloud_gateway: self.gateway().is_some() })
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
        let service = cloud.map(Cloud::service).or(self.gateway());
        let variable = service.map_or(BASE_URL, Service::base_url);
        let place = Destination::named(&self.client.context.environment, variable);
        self.client.listed(profile, place.as_slice())?;
        let host = profile.hosts[0].to_string();
        // A cloud's own host needs no variable, and neither does the client's default.
        let is_default = service.is_some() || host == API;
        Ok((place.is_none() && !is_default).then_some((variable, host)))
    }

    /// The environment of a client that is started here, its settings included.
    pub(super) fn environment(&self) -> &Environment {
        &self.client.context.environment
    }

    /// Refuses if the project's settings change where a client with that environment sends keys, and the profile does not
    /// list the new place.
    pub(super) fn check(&self, profile: &Profile, environment: &Environment) -> Result<(), Error> {
        let settings = &self.client.settings;
        let of_scope = |is_first: bool| {
            of_user(settings).filter(move |file| (file.scope == Scope::Managed) == is_first).collect::<Vec<_>>()
        };
        let all = [of_scope(true), self.project.all(), of_scope(false)].concat();
        let without = places_of_key(&environment_of_client(environment, settings));
        for files in [all, settings.iter().collect()] {
            let places = places_of_key(&with_settings(environment, files.iter().copied()));
            if places != without {
                self.project.check_proxies(&listed(&self.client.context, profile, &places, &files)?)?;
            }
        }
        Ok(())
    }

    /// The cloud whose gateway the client sends keys to, if it is set up for one.
    fn gateway(&self) -> Option<Service> {
        self.client.context.client_mode.gateway()
    }
}

/// The places that Claude Code sends a key to. A cloud's own credentials go to the others.
fn places_of_key(environment: &Environment) -> Vec<Destination> {
    let mut places = destinations(environment);
    if let Some(service) = ClientMode::of(environment).sends_credentials_of() {
        let takes_key =
            |service: Service| environment.is_on(service.use_switch()) && environment.is_on(service.skip_switch());
        // Mantle serves some models next to Bedrock, and has a switch of its own for keys.
        let further = if takes_key(Service::Mantle) && service != Service::Mantle { 1 } else { places.len() };
        places.drain(..further.min(places.len()));
    }
    places
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

    /// The lines of `hosts` for the places that the user's and the administrator's settings lead to. Fails if the profile
    /// does not list one of them.
    fn listed(&self, profile: &Profile, places: &[Destination]) -> Result<Vec<BaseUrl>, Error> {
        listed(&self.context, profile, places, &of_user(&self.settings).collect::<Vec<_>>())
    }
}
