use std::path::PathBuf;

use aws_config::profile::{Profile, ProfileSet, load};
use aws_runtime::env_config::file::{self as env_file, EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::SsoSession;
use aws_types::os_shim_internal::{Env, Fs};
use claude_credential_config::{Environment, Folders};
use claude_credential_protocol::Error;

use super::DEFAULT;
use crate::asked::Asked;
use crate::aws;

/// So alike that the one was meant for the other.
const ALIKE: f64 = 0.8;

/// `~/.aws/config` and `~/.aws/credentials`, or the files that the variables name, as AWS's SDK reads them.
#[derive(Debug)]
pub(crate) struct Profiles {
    set: ProfileSet,
    config: PathBuf,
}

impl Profiles {
    /// A file that is not there is none; one that can't be read or understood is the user's to mend. The SDK would go on
    /// without it, and answer with the machine's own credentials.
    pub(crate) fn load(asked: &Asked<'_>) -> Result<Self, Error> {
        let [config, credentials] = paths(asked.environment, asked.folders);
        let mut files = None;
        for (kind, path) in [(EnvConfigFileKind::Config, &config), (EnvConfigFileKind::Credentials, &credentials)] {
            match std::fs::read(path) {
                Ok(bytes) if std::str::from_utf8(&bytes).is_err() => {
                    return Err(Error::config(format!("{} is not UTF-8", path.display())));
                }
                Ok(_) => files = Some(files.unwrap_or_else(EnvConfigFiles::builder).with_file(kind, path)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::config(format!("can't read {}: {error}", path.display()))),
            }
        }
        let Some(files) = files.map(|files: env_file::Builder| files.build()) else {
            return Ok(Self { set: ProfileSet::default(), config });
        };
        let set = aws::block_on(asked, async {
            let loaded = load(&Fs::real(), &Env::real(), &files, Some(DEFAULT.into())).await;
            // Its message names file and line, and quotes nothing.
            loaded.map_err(|error| {
                Error::config(std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
            })
        })?;
        Ok(Self { set, config })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.set.get_profile(name)
    }

    pub(crate) fn sso_session(&self, name: &str) -> Option<&SsoSession> {
        self.set.sso_session(name)
    }

    pub(crate) fn region(&self, named: Option<&str>) -> Option<String> {
        self.get(named.unwrap_or(DEFAULT))?.get("region").map(str::to_owned)
    }

    /// Where profiles are defined, to be shown to people.
    pub(crate) fn file(&self) -> String {
        self.config.display().to_string()
    }

    /// There is no profile of that name: says so, and which it may have been.
    pub(crate) fn no_profile(&self, name: &str, wanted_by: &str) -> Error {
        let mut near: Vec<(f64, &str)> = self
            .set
            .profiles()
            .map(|other| (strsim::jaro_winkler(&other.to_lowercase(), &name.to_lowercase()), other))
            .filter(|(likeness, other)| *likeness >= ALIKE || other.contains(name) || name.contains(other))
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let near: Vec<&str> = near.into_iter().map(|(_, other)| other).take(5).collect();
        let hint = if near.is_empty() {
            format!("to set it up, run: aws configure sso --profile {name}")
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        Error::config(format!("{}: there is no profile {name}{wanted_by}; {hint}", self.file()))
    }
}

/// Where AWS's tools look (<https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html>).
fn paths(environment: &Environment, folders: &Folders) -> [PathBuf; 2] {
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")].map(
        |(variable, below_home)| match environment.get(variable) {
            Some(path) => folders.expand(path),
            None => folders.home.join(below_home),
        },
    )
}
