use std::fmt::Display;
use std::path::{Path, PathBuf};

use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use claude_credential_config::{Environment, Folders, cloud};
use claude_credential_files::{FileError, Trust, read};
use claude_credential_protocol::{Error, text};

use super::command::line;
use super::ini::{DEFAULT, Kind, Section, Sections, Type};

/// The similarity from which a name is suggested.
const ALIKE: f64 = 0.8;

/// Larger than any settings file.
const MAX_FILE: u64 = 4 << 20;

/// `~/.aws/config` and `~/.aws/credentials`, or the files that the variables name. No `Debug`, because they contain
/// secrets.
pub(crate) struct Profiles {
    sections: Sections,
    config: PathBuf,
}

/// What AWS's SDK has no business with: it signs with what we hand to it.
const SECRET: [&str; 4] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "credential_process"];

impl Profiles {
    /// A missing file counts as empty. One that can't be read is an error: the SDK would ignore it and answer with the
    /// machine's own credentials.
    pub(crate) fn load(environment: &Environment, folders: &Folders) -> Result<Self, Error> {
        let [config, credentials] = cloud::aws_files(environment, folders);
        let mut sections = Sections::default();
        for (kind, path) in [(Kind::Config, &config), (Kind::Credentials, &credentials)] {
            if let Some(text) = text_of(path)? {
                sections.add(&text, kind, &text::shown_path(path));
            }
        }
        Ok(Self { sections, config })
    }

    /// The settings of a profile for AWS's SDK, which reads endpoints and the like there: as its default profile, since
    /// the SDK does not take every name, and without what is secret.
    pub(crate) fn for_sdk(&self, named: Option<&str>) -> EnvConfigFiles {
        let mut text = Vec::new();
        let profile = self.get(named.unwrap_or(DEFAULT));
        let services = profile.and_then(|profile| self.sections.get(Type::Services, &profile.setting("services")?));
        for (header, section) in [("default", profile), ("services ours", services)] {
            let Some(section) = section else { continue };
            text.push(format!("[{header}]"));
            for (name, value) in section.settings.iter().filter(|(name, _)| !SECRET.contains(&name.as_str())) {
                let value = if name == "services" { "ours" } else { value };
                let mut lines = value.lines();
                text.push(format!("{name} = {}", lines.next().unwrap_or_default()));
                // The SDK gives up all of the file for a line in between that has no `=`.
                text.extend(lines.filter(|line| line.contains('=')).map(|line| format!("  {line}")));
            }
        }
        EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, text.join("\n")).build()
    }

    /// A profile, also one that has a fault.
    pub(crate) fn get(&self, name: &str) -> Option<&Section> {
        self.sections.get(Type::Profile, name)
    }

    /// A profile that is to be used.
    pub(super) fn usable(&self, name: &str) -> Result<Option<&Section>, Error> {
        whole(self.get(name))
    }

    pub(super) fn sso_session(&self, name: &str) -> Result<Option<&Section>, Error> {
        whole(self.sections.get(Type::SsoSession, name))
    }

    pub(crate) fn region(&self, named: Option<&str>) -> Option<String> {
        self.get(named.unwrap_or(DEFAULT))?.setting("region")
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
                "{there_is_none} that AWS's tools read; write its line as [profile {}]",
                text::quoted(name)
            ));
        }
        let alike = |other: &&str| {
            let likeness = strsim::jaro_winkler(&other.to_lowercase(), &name.to_lowercase());
            likeness >= ALIKE || (!name.is_empty() && (other.contains(name) || name.contains(other)))
        };
        let mut near: Vec<&str> = self.sections.names(Type::Profile).filter(alike).collect();
        near.sort_by(|a, b| strsim::jaro_winkler(b, name).total_cmp(&strsim::jaro_winkler(a, name)).then(a.cmp(b)));
        near.truncate(5);
        let hint = if near.is_empty() {
            format!("to set it up, run: {}", line("aws configure sso", name))
        } else {
            format!("did you mean {}?", near.join(", "))
        };
        self.error(format!("{there_is_none}; {hint}"))
    }

    /// Whether the file has a section for this name that AWS's tools silently drop.
    fn has_malformed_section(&self, name: &str) -> bool {
        let text = std::fs::read_to_string(&self.config).unwrap_or_default();
        let sections = text.lines().filter_map(|line| line.trim().strip_prefix('[')?.split(']').next());
        sections.map(str::trim).any(|section| {
            let named = section.strip_prefix("profile").map_or(section, str::trim);
            named.trim_matches(['"', '\'']) == name
        })
    }
}

fn whole(section: Option<&Section>) -> Result<Option<&Section>, Error> {
    match section.and_then(|section| section.fault.as_ref()) {
        Some(fault) => Err(Error::config(format!("{fault}; mend that line"))),
        None => Ok(section),
    }
}

/// The value of a key in a profile; `None` if it is missing or empty.
pub(super) fn setting(profile: &Section, key: &str) -> Option<String> {
    profile.setting(key)
}

/// The text of a file; `None` if it does not exist. A pipe is an error: it would block, or be empty for the next reader.
fn text_of(path: &Path) -> Result<Option<String>, Error> {
    let bytes = match read(path, Trust::Unchecked, MAX_FILE) {
        // As AWS's tools have it. Docker makes a folder where a file that is to be mounted is not there.
        Err(FileError::Folder(_)) => return Ok(None),
        read => read?,
    };
    let Some(bytes) = bytes else { return Ok(None) };
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Error::config(format!("{} is not UTF-8; mend it", text::shown_path(path)))),
    }
}
