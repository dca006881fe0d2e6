use claude_credential_config::Environment;

use crate::client::cloud::Cloud;
use crate::client::service::Service;

/// What Claude Code sends with its requests, according to its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientMode {
    /// Keys, to Anthropic's API or to a gateway with the same API.
    Api,
    /// A cloud's own credentials.
    Cloud(Service),
    /// Keys, to a gateway with a cloud's API.
    CloudGateway(Service),
}

impl ClientMode {
    pub(crate) fn of(environment: &Environment) -> Self {
        let is_on = |name| environment.is_on(name);
        match Service::ALL.into_iter().find(|service| is_on(service.use_switch())) {
            Some(service) if is_on(service.skip_switch()) => Self::CloudGateway(service),
            Some(service) => Self::Cloud(service),
            None => Self::Api,
        }
    }

    /// The cloud whose own credentials Claude Code sends, if there is a helper for them.
    pub(crate) fn cloud(self) -> Option<Cloud> {
        self.sends_credentials_of().and_then(Cloud::of_service)
    }

    /// The cloud whose own credentials Claude Code sends.
    pub(crate) fn sends_credentials_of(self) -> Option<Service> {
        if let Self::Cloud(service) = self { Some(service) } else { None }
    }

    /// The cloud to whose gateway Claude Code sends keys.
    pub(crate) fn gateway(self) -> Option<Service> {
        if let Self::CloudGateway(service) = self { Some(service) } else { None }
    }

    /// The cloud whose API Claude Code uses.
    pub(crate) fn service(self) -> Option<Service> {
        self.sends_credentials_of().or(self.gateway())
    }

    /// The variable that sends Claude Code to another host than the usual one.
    pub(crate) fn base_url(self) -> &'static str {
        self.service().map_or(BASE_URL, Service::base_url)
    }
}

/// The variable that sends Claude Code to another host than Anthropic's, if it is set up for no cloud.
pub(crate) const BASE_URL: &str = "ANTHROPIC_BASE_URL";
