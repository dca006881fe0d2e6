use std::cell::OnceCell;
use std::time::{Duration, Instant};

use claude_credential_config::cloud::BEDROCK_REGION;
use claude_credential_config::{Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::{Error, Request, text};

use crate::clock::ServerClock;
use crate::profile::Profiles;

/// A request and what the sources need to answer it.
pub(crate) struct SourceContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) active: &'a Active,
    /// `--aws-profile`
    pub(crate) aws_profile: Option<&'a str>,
    /// `--region`
    pub(crate) region_option: Option<&'a str>,
    /// When the caller gives up.
    pub(crate) until: Instant,
    /// AWS's own configuration, read on first use.
    pub(crate) profiles: OnceCell<Profiles>,
    /// The clock of whoever was asked last.
    pub(crate) clock: ServerClock,
}

/// The first is the one that Claude Code itself reads; the AWS CLI knows both.
const PROFILES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

impl SourceContext<'_> {
    /// The profile that the user named. It has to exist, and no other source answers in its place.
    pub(crate) fn named_profile(&self) -> Result<Option<&str>, Error> {
        match self.aws_profile {
            Some(name) => Ok(Some(name)),
            None => Ok(self.environment.first(&PROFILES)?.map(|(_, name)| name)),
        }
    }

    pub(crate) fn profiles(&self) -> Result<&Profiles, Error> {
        if let Some(profiles) = self.profiles.get() {
            return Ok(profiles);
        }
        let profiles = Profiles::load(self.environment, self.folders)?;
        Ok(self.profiles.get_or_init(|| profiles))
    }

    /// The region of the command line or the variables.
    pub(crate) fn configured_region(&self) -> Result<Option<String>, Error> {
        let variable = |name: &'static str| {
            let value = self.environment.get(name)?.map(str::trim).filter(|value| !value.is_empty());
            Ok::<_, Error>(value.zip(Some(name)))
        };
        let said = match self.region_option {
            Some(region) => Some((region, "--region")),
            None => variable("AWS_REGION")?.or(variable("AWS_DEFAULT_REGION")?),
        };
        said.map(|(region, place)| checked(region, place)).transpose()
    }

    /// The region of the command line, the variables or the profile. The instance metadata is not asked: most machines
    /// have none, and finding that out takes seconds.
    pub(crate) fn region(&self) -> Result<Option<String>, Error> {
        if let Some(region) = self.configured_region()? {
            return Ok(Some(region));
        }
        let region = self.profiles()?.region(self.named_profile()?);
        region.map(|region| checked(&region, "the profile's region")).transpose()
    }

    /// The region for a request to an AWS service, which needs one.
    pub(crate) fn region_or_default(&self) -> Result<String, Error> {
        Ok(self.region()?.unwrap_or_else(|| BEDROCK_REGION.to_owned()))
    }

    /// The region, if it can be found. Errors in AWS's files are left to the source that reads them.
    pub(crate) fn region_if_known(&self) -> Result<Option<String>, Error> {
        Ok(self.configured_region()?.or_else(|| self.region().ok().flatten()))
    }

    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// Rejects what is not a region name, since it becomes part of host names. Those are the same in capitals; signatures are
/// not.
fn checked(region: &str, place: &str) -> Result<String, Error> {
    let region = region.to_ascii_lowercase();
    if text::is_region(&region) {
        Ok(region)
    } else {
        Err(Error::config(format!("{place} is not an AWS region such as us-east-1; mend it")))
    }
}
