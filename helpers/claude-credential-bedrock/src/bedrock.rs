use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use claude_credential_config::{Environment, Folders, cloud};
use claude_credential_process::Active;
use claude_credential_protocol::{Auth, Credential, Error, Family, Helper, HelperCli, Request, now};

use crate::asked::Asked;
use crate::aws::sts;
use crate::keys::Keys;
use crate::people::{self, People};
use crate::sources::{self, Source};

/// Answers with AWS credentials, or with a Bedrock API key
#[derive(Args)]
pub(crate) struct Bedrock {
    /// Where to look; may be repeated, and the first that has something wins [default: all, in the order shown]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    sources: Vec<Source>,

    /// The profile in ~/.aws/config to use, and nothing else [default: `AWS_PROFILE`, as one source among the others]
    #[arg(long, value_name = "NAME", conflicts_with = "sources", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) aws_profile: Option<String>,

    /// The region [default: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Exchange long-lived keys for a session, since Claude Code takes no others
    #[arg(long)]
    session: bool,

    /// Every helper of the suite takes this option; nothing in config.toml concerns this one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[arg(skip = Environment::here())]
    pub(crate) environment: Environment,

    #[arg(skip = Active::here())]
    pub(crate) active: Active,
}

impl Helper for Bedrock {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        // None of these is kept for an account that the wire could name.
        if request.username.is_some() {
            return Ok(None);
        }
        let folders = self.folders()?;
        let asked = self.asked(request, &folders);
        for source in self.sources() {
            let found = match source {
                Source::Bearer => sources::bearer::get(&asked)?,
                // A caller to whom the three values can't be told needs no server asked for them.
                _ if !request.capabilities.claude_v1 => None,
                _ => source.keys(&asked)?.map(|keys| self.finish(&asked, keys)).transpose()?,
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
    type Commands = People;

    fn run(&self, command: People) -> Result<(), Error> {
        people::run(self, &command)
    }

    fn print_host(&self) -> Result<(String, String), Error> {
        let folders = self.folders()?;
        let request = Request::new("https", "");
        let region = self.asked(&request, &folders).region_if_known()?;
        Ok(("https".to_owned(), cloud::bedrock_host(region.as_deref().unwrap_or(cloud::BEDROCK_REGION))))
    }
}

impl Bedrock {
    pub(crate) fn folders(&self) -> Result<Folders, Error> {
        Folders::of(&self.environment)
    }

    pub(crate) fn asked<'a>(&'a self, request: &'a Request, folders: &'a Folders) -> Asked<'a> {
        Asked {
            request,
            environment: &self.environment,
            folders,
            active: &self.active,
            aws_profile: self.aws_profile.as_deref(),
            own_region: self.region.as_deref(),
            until: std::time::Instant::now() + request.patience(),
            profiles: OnceCell::new(),
        }
    }

    fn sources(&self) -> &[Source] {
        if self.aws_profile.is_some() {
            &[Source::Profile]
        } else if self.sources.is_empty() {
            &Source::ALL
        } else {
            &self.sources
        }
    }

    /// What every source's keys go through: the session that was asked for, the proof that was asked for, the region.
    fn finish(&self, asked: &Asked<'_>, keys: Keys) -> Result<Credential, Error> {
        let keys = if self.session && keys.session_token.is_none() { sts::session(asked, &keys)? } else { keys };
        if keys.expires_at.is_some_and(|at| at <= now() / 1000) {
            let Keys { source, mend, .. } = &keys;
            return Err(Error::sign_in(format!("the credentials of {source} have expired; {mend}")));
        }
        let account = if asked.request.check_live { sts::prove(asked, &keys)? } else { None };
        // Keys from elsewhere are whole without AWS's files.
        let region = asked.region_if_known()?.or(keys.region);
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
}
