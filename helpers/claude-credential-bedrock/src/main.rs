//! The helper for Amazon Bedrock: what Claude Code's `awsCredentialExport` prints, a Bedrock API key, and the whole of
//! AWS's standard chain.

mod aws;
mod commands;
mod document;
mod keys;
mod options;
mod profile;
mod source_context;
mod sources;
mod terminal;

use claude_credential_config::cloud;
use claude_credential_protocol::{Auth, Credential, Error, Family, Helper, HelperCli, Request, now};

use crate::aws::sts;
use crate::commands::UserCommand;
use crate::keys::Keys;
use crate::options::Bedrock;
use crate::source_context::SourceContext;
use crate::sources::Source;

fn main() -> std::process::ExitCode {
    claude_credential_protocol::main::<Bedrock>()
}

impl Helper for Bedrock {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        // None of these is kept for an account that the wire could name.
        if request.username.is_some() {
            return Ok(None);
        }
        let folders = self.folders()?;
        let context = self.context(request, &folders);
        for source in self.sources() {
            let found = match source {
                Source::Bearer => sources::bearer::get(&context)?,
                // A caller to whom the three values can't be told needs no server asked for them.
                _ if !request.capabilities.claude_v1 => None,
                _ => source.keys(&context)?.map(|keys| finish(self, &context, keys)).transpose()?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl HelperCli for Bedrock {
    const NAME: &'static str = "claude-credential-bedrock";
    const BEARER: Option<Family> = Some(Family::BedrockKey);
    type Commands = UserCommand;

    fn run(&self, command: UserCommand) -> Result<(), Error> {
        commands::run(self, &command)
    }

    fn print_host(&self) -> Result<(String, String), Error> {
        let folders = self.folders()?;
        let request = Request::new("https", "");
        let region = self.context(&request, &folders).region_if_known()?;
        Ok(("https".to_owned(), cloud::bedrock_host(region.as_deref().unwrap_or(cloud::BEDROCK_REGION))))
    }
}

/// What every source's keys go through: the session that was asked for, the proof that was asked for, the region.
fn finish(options: &Bedrock, context: &SourceContext<'_>, keys: Keys) -> Result<Credential, Error> {
    let keys = if options.session && keys.session_token.is_none() { sts::session(context, &keys)? } else { keys };
    if keys.expires_at.is_some_and(|at| at <= now() / 1000) {
        let Keys { source, mend, .. } = &keys;
        return Err(Error::sign_in(format!("the credentials of {source} have expired; {mend}")));
    }
    let account = if context.request.check_live { sts::verify(context, &keys)? } else { None };
    // Keys from elsewhere are whole without AWS's files.
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
