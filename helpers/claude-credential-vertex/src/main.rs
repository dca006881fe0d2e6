//! The helper for Vertex AI: exchanges Google's application default credentials of any type for an access token.

mod commands;
mod encoding;
mod engine;
mod error_response;
mod external;
mod fields;
mod grants;
mod hosts;
mod impersonation;
mod jwt;
mod options;
mod project;
mod sources;
#[cfg(test)]
mod tests;
mod token;

use claude_credential_config::cloud::{GOOGLE, VERTEX_REGION, vertex_host};
use claude_credential_protocol::{
    Auth, BaseUrl, Credential, Error, Family, Helper, HelperCli, Origin, Request, is_past, text,
};

use crate::commands::UserCommand;
use crate::hosts::Endpoint;
use crate::options::Vertex;
use crate::sources::Credentials;

/// The default scope of Google's own libraries, and the least that Vertex needs.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The variable with the region that Claude Code uses.
const REGION: &str = "CLOUD_ML_REGION";

fn main() -> std::process::ExitCode {
    claude_credential_http::also_trust(claude_credential_config::claude::extra_authorities);
    claude_credential_protocol::main::<Vertex>()
}

impl Helper for Vertex {
    /// Every call requests a new token, so a rejected one is replaced, and `claude.check=live` needs no further check.
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        let Ok(origin) = Origin::new(&request.protocol, &request.host) else { return Ok(None) };
        let endpoint = Endpoint::of(&origin);
        // Google's credentials belong to no username. Without claude.v1 (git) only Vertex hosts are answered, and no path:
        // the user's list may have one.
        let is_own = request.capabilities.claude_v1 || endpoint.is_some() && request.path.is_none();
        if request.username.is_some() || !is_own {
            return Ok(None);
        }
        let folders = &self.suite.folders()?;
        let context = self.suite.context(request, folders);
        let Some(found) = sources::find(&context, self.sources())? else { return Ok(None) };
        if let Some(endpoint) = &endpoint {
            let universe = found.universe(&context)?;
            if request.capabilities.claude_v1 && endpoint.universe == GOOGLE && universe != GOOGLE {
                return Err(Error::config(format!(
                    "{}: these credentials are for {universe}, and {} is not part of it; use a host of {universe}, or \
                     other credentials",
                    found.shown(),
                    origin.host()
                )));
            }
            if !request.capabilities.claude_v1 && endpoint.universe != universe {
                return Ok(None);
            }
        }
        let token = match &found {
            Credentials::File(file) => grants::token(&context, file, &file.fields, SCOPE)?,
            Credentials::Metadata(metadata) => match metadata.token(&context, SCOPE)? {
                Some(token) => token,
                None => return Ok(None),
            },
        };
        if is_past(token.expires_at) {
            return Err(Error::unavailable(format!(
                "the token for {} had already expired when it arrived; set the clock",
                found.shown()
            )));
        }
        let mut credential = Credential::new(Auth::Bearer(token.secret)).from_source(found.source());
        credential.expires_at = token.expires_at;
        credential.account = found.account().map(str::to_owned);
        credential.quota_project = project::quota(&context, &found)?;
        credential.project = project::project(&context, &found, credential.quota_project.as_deref())?;
        let region = self.suite.environment.get(REGION)?.filter(|region| text::is_region(region)).map(str::to_owned);
        credential.region = endpoint.map(|endpoint| endpoint.region).or(region);
        Ok(Some(credential))
    }
}

impl HelperCli for Vertex {
    const NAME: &'static str = "claude-credential-vertex";
    const BEARER: Option<Family> = Some(Family::Vertex);
    type Commands = UserCommand;

    fn run(&self, command: UserCommand) -> Result<(), Error> {
        commands::run(self, command)
    }

    fn print_host(&self) -> Result<BaseUrl, Error> {
        let folders = &self.suite.folders()?;
        let request = Request::default();
        // Errors in a file are reported by the `get` that follows.
        let context = self.suite.context(&request, folders);
        let file = self.sources().iter().find_map(|source| sources::file(&context, *source).ok().flatten());
        let universe = file.as_ref().map_or(GOOGLE, |file| file.fields.universe());
        let region = self.suite.environment.get(REGION)?.unwrap_or(VERTEX_REGION);
        if !text::is_region(region) {
            let shown = text::shown(region);
            return Err(Error::config(format!("{REGION} names no region, it is {shown}; run: unset {REGION}")));
        }
        let host = Origin::new("https", &vertex_host(region, universe)).map_err(|problem| {
            let shown = file.as_ref().map_or_else(String::new, |file| format!("{}: its ", file.shown));
            Error::config(format!("{shown}`universe_domain` names no domain: {problem}; mend it there"))
        })?;
        Ok(host.into())
    }
}
