//! What a source gets: the request, and where to look.

use std::path::Path;
use std::time::Instant;

use claude_credential_config::{Config, Environment, Folders, Provider};
use claude_credential_process::Active;
use claude_credential_protocol::{Error, Interactive, Origin, Request};

use crate::client::Client;

/// What a source gets: the request, and where to look.
pub(crate) struct SourceContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) config: Option<&'a Path>,
    pub(crate) active: &'a Active,
}

impl SourceContext<'_> {
    pub(crate) fn config(&self) -> Result<Config, Error> {
        Config::load(self.folders, self.config)
    }

    /// Whether `provider` may answer. A caller that speaks `claude.v1` has checked the host against the user's list; git
    /// asks for any host that a clone names, so there the provider's list decides.
    pub(crate) fn is_for(&self, provider: &Provider) -> bool {
        let request = self.request;
        let listed =
            || Origin::new(&request.protocol, &request.host).is_ok_and(|origin| provider.hosts.contains(&origin));
        request.capabilities.claude_v1 || listed()
    }

    pub(crate) fn client<'c>(&'c self, provider: &'c Provider) -> Client<'c> {
        Client {
            provider,
            environment: self.environment,
            folders: self.folders,
            active: self.active,
            interactive: self.request.interactive == Interactive::Auto,
            until: Instant::now() + self.request.patience(),
        }
    }
}
