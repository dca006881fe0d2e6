//! The helper for Amazon Bedrock: Claude Code's `awsCredentialExport`, a Bedrock API key, and AWS's standard chain of
//! credential providers.

mod aws;
mod clock;
mod commands;
mod document;
mod keys;
mod options;
mod profile;
mod runtime;
mod source_context;
mod sources;
mod terminal;

use claude_credential_config::cloud;
use claude_credential_protocol::{Auth, BaseUrl, Credential, Error, Family, Helper, HelperCli, Request, is_past};

use crate::aws::sts;
use crate::commands::UserCommand;
use crate::keys::Keys;
use crate::options::Bedrock;
use crate::source_context::SourceContext;
use crate::sources::Source;

fn main() -> std::process::ExitCode {
    claude_credential_http::also_trust(claude_credential_config::claude::extra_authorities);
    claude_credential_protocol::main::<Bedrock>()
}

impl Helper for Bedrock {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        // No source has credentials for a username.
        if request.username.is_some() {
            return Ok(None);
        }
        let folders = self.suite.folders()?;
        let context = self.context(request, &folders);
        let get = |source: &Source| match source {
            Source::Bearer => sources::bearer::get(&context),
            // Without claude.v1 the caller can't receive AWS keys.
            _ if !request.capabilities.claude_v1 => Ok(None),
            _ => source.keys(&context)?.map(|keys| finish(self, &context, keys)).transpose(),
        };
        self.sources().iter().find_map(|source| get(source).transpose()).transpose()
    }
}

impl HelperCli for Bedrock {
    const NAME: &'static str = "claude-credential-bedrock";
    const BEARER: Option<Family> = Some(Family::BedrockKey);
    type Commands = UserCommand;

    fn run(&self, command: UserCommand) -> Result<(), Error> {
        commands::run(self, &command)
    }

    fn print_host(&self) -> Result<BaseUrl, Error> {
        let folders = self.suite.folders()?;
        let request = Request::new("https", "");
        let region = self.context(&request, &folders).region_if_known()?;
        BaseUrl::listed(&cloud::bedrock_host(region.as_deref().unwrap_or(cloud::BEDROCK_REGION)))
            .map_err(|problem| Error::config(format!("the region is not one: {problem}; mend AWS_REGION")))
    }
}

/// Turns keys into a credential: gets a session and checks the keys if asked to, and adds the region.
fn finish(options: &Bedrock, context: &SourceContext<'_>, keys: Keys) -> Result<Credential, Error> {
    let keys = if options.session && keys.session_token.is_none() { sts::session(context, &keys)? } else { keys };
    if is_past(keys.expires_at) {
        let Keys { source, mend, .. } = &keys;
        // A new sign-in would bring the same.
        if let Some(ahead) = context.clock.explains(keys.expires_at) {
            return Err(Error::config(format!("the credentials of {source} look expired, because {ahead}")));
        }
        return Err(Error::sign_in(format!("the credentials of {source} have expired; {mend}")));
    }
    let account = if context.request.check_live { sts::verify(context, &keys)? } else { None };
    // Errors in AWS's files don't matter here: these keys are complete without them.
    let region = context.region_if_known()?.or(keys.region);
    Ok(Credential {
        expires_at: keys.expires_at,
        account: account.or(keys.account),
        ephemeral: keys.ephemeral,
        source: Some(keys.source),
        ..Credential::new(Auth::Aws {
            access_key_id: keys.access_key_id,
            secret_access_key: keys.secret_access_key,
            session_token: keys.session_token,
            region,
        })
    })
}
