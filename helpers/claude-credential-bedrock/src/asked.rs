use std::cell::OnceCell;
use std::time::{Duration, Instant};

use claude_credential_config::{Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::{Error, Request};

use crate::profile::Profiles;

/// What is asked, and where.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) active: &'a Active,
    /// The profile of the command line.
    pub(crate) aws_profile: Option<&'a str>,
    /// The region of the command line.
    pub(crate) own_region: Option<&'a str>,
    /// When the answer has to be there.
    pub(crate) until: Instant,
    /// AWS's own configuration, read when somebody wants to know.
    pub(crate) profiles: OnceCell<Profiles>,
}

impl Asked<'_> {
    /// The profile that the user named: then it has to exist, and nothing else answers in its place.
    pub(crate) fn named_profile(&self) -> Option<&str> {
        self.aws_profile.or_else(|| self.environment.get("AWS_PROFILE"))
    }

    /// Where: as it was said, by the command line, the variables, or the profile. The machine is not asked: on most there
    /// is nobody to answer, and that takes seconds.
    pub(crate) fn region(&self) -> Result<Option<String>, Error> {
        let variable = || ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| self.environment.get(name));
        if let Some(region) = self.own_region.or_else(variable) {
            return Ok(Some(region.to_owned()));
        }
        Ok(self.profiles()?.region(self.named_profile()))
    }

    pub(crate) fn profiles(&self) -> Result<&Profiles, Error> {
        if let Some(profiles) = self.profiles.get() {
            return Ok(profiles);
        }
        let profiles = Profiles::load(self)?;
        Ok(self.profiles.get_or_init(|| profiles))
    }

    /// The same, for a service that has to be asked somewhere.
    pub(crate) fn region_or(&self, fallback: &str) -> Result<String, Error> {
        Ok(self.region()?.unwrap_or_else(|| fallback.to_owned()))
    }

    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}
