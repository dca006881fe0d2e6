use claude_credential_config::Environment;

use crate::client::cloud::Cloud;

/// What Claude Code sends with its requests, according to its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientMode {
    /// Keys, to Anthropic's API or to a gateway with the same API.
    Api,
    /// A cloud's own credentials.
    Cloud(Cloud),
    /// Keys, to a gateway with a cloud's API.
    CloudGateway(Cloud),
}

impl ClientMode {
    pub(crate) fn of(environment: &Environment) -> Self {
        let is_on = |name| environment.is_on(name);
        match [Cloud::Bedrock, Cloud::Vertex].into_iter().find(|cloud| is_on(cloud.use_switch())) {
            Some(cloud) if is_on(cloud.skip_switch()) => Self::CloudGateway(cloud),
            Some(cloud) => Self::Cloud(cloud),
            None => Self::Api,
        }
    }

    /// The cloud whose own credentials Claude Code sends.
    pub(crate) fn cloud(self) -> Option<Cloud> {
        if let Self::Cloud(cloud) = self { Some(cloud) } else { None }
    }

    /// The cloud to whose gateway Claude Code sends keys.
    pub(crate) fn gateway(self) -> Option<Cloud> {
        if let Self::CloudGateway(cloud) = self { Some(cloud) } else { None }
    }

    /// The variable that sends Claude Code to another host than the usual one.
    pub(crate) fn base_url(self) -> &'static str {
        Cloud::base_url_of(self.cloud().or(self.gateway()))
    }
}
