use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Instant;

use aws_config::profile::{Profile, ProfileSet, load};
use aws_runtime::env_config::file::{Builder, EnvConfigFileKind, EnvConfigFiles};
use aws_runtime::env_config::section::SsoSession;
use aws_types::os_shim_internal::{Env, Fs};
use claude_credential_config::{Environment, Folders, cloud};
use claude_credential_files::{FileError, Trust, read};
use claude_credential_protocol::{Error, text};

use super::command::{DEFAULT, line};
use crate::runtime::block_on;

/// The similarity from which a name is suggested.
const ALIKE: f64 = 0.8;

/// Larger than any settings file.
const MAX_FILE: u64 = 4 << 20;

/// `~/.aws/config` and `~/.aws/credentials`, or the files that the variables name, as AWS's SDK reads them. No `Debug`,
/// because they contain secrets.
pub(crate) struct Profiles {
    set: ProfileSet,
    /// The files that exist, for the SDK to read again; `None` if there is none.
    files: Option<EnvConfigFiles>,
    config: PathBuf,
}

impl Profiles {
    /// A missing file counts as empty. One that can't be read or parsed is an error: the SDK would ignore it and answer
    /// with the machine's own credentials.
    pub(crate) fn load(environment: &Environment, folders: &Folders, until: Instant) -> Result<Self, Error> {
        let [config, credentials] = cloud::aws_files(environment, folders);
        let mut files = None;
        for (kind, path) in [(EnvConfigFileKind::Config, &config), (EnvConfigFileKind::Credentials, &credentials)] {
            if is_text(path)? {
                files = Some(files.unwrap_or_else(EnvConfigFiles::builder).with_file(kind, path));
            }
        }
        let Some(files) = files.map(Builder::build) else {
            return Ok(Self { set: ProfileSet::default(), files: None, config });
        };
        let set = block_on(until, async {
            let loaded = load(&Fs::real(), &Env::real(), &files, Some(DEFAULT.into())).await;
            // The SDK's message names file and line and quotes nothing.
            loaded.map_err(|error| {
                let said = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
                Error::config(format!("{said}; mend that line"))
            })
        })?;
        Ok(Self { set, files: Some(files), config })
    }

    pub(crate) fn files(&self) -> Option<EnvConfigFiles> {
        self.files.clone()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Profile> {
        self.set.get_profile(name)
    }

    pub(super) fn sso_session(&self, name: &str) -> Option<&SsoSession> {
        self.set.sso_session(name)
    }

    pub(crate) fn region(&self, named: Option<&str>) -> Option<String> {
        setting(self.get(named.unwrap_or(DEFAULT))?, "region")
    }

    /// An error in AWS's files, which names the configuration file.
    pub(super) fn error(&self, what: impl Display) -> Error {
        Error::config(format!("{}: {what}", text::shown_path(&self.config)))
    }

    /// The error for a missing profile, with similar names.
    pub(crate) fn profile_not_found(&self, name: &str, wanted_by: &str) -> Error {
        let shown = text::shown(name);
        let there_is_none = format!("there is no profile {shown}{wanted_by}");
        if shown != name {
            return self.error(format!("{there_is_none}; write the name of a profile"));
        }
        if self.has_malformed_section(name) {
            return self.error(format!(
                "{there_is_none} that AWS's SDKs read: its line has to be [profile NAME], without quotes or blanks in \
                 the name"
            ));
        }
        let alike = |other: &&str| {
            let likeness = strsim::jaro_winkler(&other.to_lowercase(), &name.to_lowercase());
            likeness >= ALIKE || (!name.is_empty() && (other.contains(name) || name.contains(other)))
        };
        let mut near: Vec<&str> = self.set.profiles().filter(alike).collect();
        near.sort_by(|a, b| strsim::jaro_winkler(b, name).total_cmp(&strsim::jaro_winkler(a, name)).then(a.cmp(b)));
        near.truncate(5);
        let hint = if near.is_empty() {
            format!("to set it up, run: {}", line("aws configure sso", name))
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        self.error(format!("{there_is_none}; {hint}"))
    }

    /// Whether the file has a section for this name that the SDK silently drops.
    fn has_malformed_section(&self, name: &str) -> bool {
        let text = std::fs::read_to_string(&self.config).unwrap_or_default();
        let sections = text.lines().filter_map(|line| line.trim().strip_prefix('[')?.split(']').next());
        sections.map(str::trim).any(|section| {
            let named = section.strip_prefix("profile").map_or(section, str::trim);
            named.trim_matches(['"', '\'']) == name
        })
    }
}

/// The value of a key in a profile; `None` if it is missing or empty.
pub(super) fn setting(profile: &Profile, key: &str) -> Option<String> {
    profile.get(key).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Whether the file exists. A pipe is an error: it would block, or be empty for the next reader.
fn is_text(path: &Path) -> Result<bool, Error> {
    let bytes = match read(path, Trust::Unchecked, MAX_FILE) {
        // As AWS's tools have it. Docker makes a folder where a file that is to be mounted is not there.
        Err(FileError::Folder(_)) => return Ok(false),
        read => read?,
    };
    let Some(bytes) = bytes else { return Ok(false) };
    match std::str::from_utf8(&bytes) {
        Ok(_) => Ok(true),
        Err(_) => Err(Error::config(format!("{} is not UTF-8; mend it", text::shown_path(path)))),
    }
}
