//! Where Claude Code will send the credential of a call, and whether it may go there (`docs/design/destination.md`).

use std::path::PathBuf;

use claude_credential_config::Profile;
use claude_credential_config::claude::{self, SettingLine, SettingsFile};
use claude_credential_protocol::{BaseUrl, Error};

use crate::client::destination::{Destination, Reason, destinations, named_by};
use crate::client::environment::with_settings;
use crate::client::trust::{names_proxy, replaces_trust};
use crate::context::Context;
use crate::query::profile::require_listed;

/// Where the Claude Code that starts this call will send the key. Fails unless the profile lists every place that the
/// environment leads to, with the project's settings and without: Claude Code runs its helper before it applies them, and
/// uses the key afterwards.
pub(crate) fn for_client(context: &Context, profile: &Profile) -> Result<BaseUrl, Error> {
    let project = Project::here(context)?;
    project.check(context, profile)?;
    let mut hosts = Vec::new();
    for files in [project.all(), project.read(), Vec::new()] {
        let environment = with_settings(&context.environment, files.iter().copied());
        let places = destinations(&environment);
        hosts.push(listed(context, profile, &places, &files)?);
    }
    project.check_proxies(hosts.iter().flatten())?;
    // With the settings that Claude Code reads, which decide for every request.
    Ok(hosts.swap_remove(1).swap_remove(0))
}

/// The lines of `hosts` that list these places. Fails if the profile does not list one of them; the error names the setting or variable
/// that leads there, in the first of `files` that sets it.
pub(crate) fn listed(
    context: &Context,
    profile: &Profile,
    places: &[Destination],
    files: &[&SettingsFile],
) -> Result<Vec<BaseUrl>, Error> {
    let at = |variable: &str| with_line(files, variable);
    let host = |place: &Destination| {
        let what = match place.reason {
            Reason::Named(variable) => at(variable),
            Reason::OwnHost { switch, without } => format!("{} without {without}", at(switch)),
            Reason::Default => "without ANTHROPIC_BASE_URL Claude Code".to_owned(),
        };
        match (&place.place, place.reason) {
            (Ok((origin, path)), _) => require_listed(context, profile, origin, path, &what),
            (Err(error), Reason::OwnHost { without, .. }) => Err(Error::config(format!(
                "{what} leads to no host that can be listed ({error}); set {without}, or mend the region"
            ))),
            (Err(error), _) => Err(Error::config(format!("{what} is {error}; mend or remove it"))),
        }
    };
    places.iter().map(host).collect()
}

/// The variable's name, after file and line if one of `files` sets it.
fn with_line(files: &[&SettingsFile], variable: &str) -> String {
    let name = format!("env.{variable}");
    let set = files.iter().find_map(|file| Some((file, file.get(&name).filter(|line| line.value.is_some())?)));
    set.map_or_else(|| variable.to_owned(), |(file, line)| shown(file, line))
}

/// The variable that the line sets, after file and line.
fn shown(file: &SettingsFile, line: &SettingLine) -> String {
    let name = line.name.strip_prefix("env.").unwrap_or(&line.name);
    format!("{}:{}: {name}", file.file.display(), line.number)
}

/// The settings of the project in the working directory. They come with a clone, so they decide nothing; they are read to
/// refuse what they would do with the credential.
#[derive(Debug)]
pub(crate) struct Project {
    files: Vec<SettingsFile>,
    /// Those of them that Claude Code reads, the one that wins first.
    read: Vec<PathBuf>,
}

impl Project {
    pub(crate) fn here(context: &Context) -> Result<Self, Error> {
        let folder = std::env::current_dir().map_err(|error| {
            Error::config(format!(
                "the working directory can't be read ({error}), nor a project's settings in it; run: cd ~"
            ))
        })?;
        let files = claude::projects(&folder, &context.folders);
        Ok(Self { files, read: claude::client_project_files(&folder, &context.folders) })
    }

    /// All that may be a project's, whether Claude Code reads it today or not, the nearest first.
    pub(crate) fn all(&self) -> Vec<&SettingsFile> {
        self.files.iter().collect()
    }

    /// Those that Claude Code reads, the one that wins first.
    fn read(&self) -> Vec<&SettingsFile> {
        self.read.iter().filter_map(|path| self.files.iter().find(|file| file.file == *path)).collect()
    }

    /// Refuses a variable that leads to a host which the profile does not list, whatever else is set, and one by which
    /// another server could read the credential.
    pub(crate) fn check(&self, context: &Context, profile: &Profile) -> Result<(), Error> {
        for file in &self.files {
            let unclear = || {
                Error::config(format!(
                    "{} can't be understood, so where it would send the key is not known; mend or remove it",
                    file.file.display()
                ))
            };
            // If `env` itself has a line, it holds no variables.
            if file.sets.is_err() || file.get("env").is_some() {
                return Err(unclear());
            }
            for (line, name) in variables(file) {
                let names_place = named_by(name, "").is_some();
                let Some(value) = &line.value else {
                    if names_place || replaces_trust(name) {
                        return Err(unclear());
                    }
                    continue;
                };
                if value.expose().is_empty() {
                    continue;
                }
                let what = shown(file, line);
                if replaces_trust(name) {
                    return Err(Error::config(format!(
                        "{what} can let another server than the profile's hosts read the key; remove the line, or set it \
                         in your own settings instead"
                    )));
                }
                if let Some(place) = named_by(name, value.expose()) {
                    let (origin, path) =
                        place.map_err(|error| Error::config(format!("{what} is {error}; mend or remove it")))?;
                    require_listed(context, profile, &origin, &path, &what)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses a proxy if one of `hosts` is not encrypted.
    pub(crate) fn check_proxies<'a>(&self, hosts: impl IntoIterator<Item = &'a BaseUrl>) -> Result<(), Error> {
        let Some(open) = hosts.into_iter().map(BaseUrl::origin).find(|origin| origin.protocol() == "http") else {
            return Ok(());
        };
        for file in &self.files {
            let is_set = |line: &SettingLine| line.value.as_ref().is_some_and(|value| !value.expose().is_empty());
            if let Some((line, _)) = variables(file).find(|(line, name)| names_proxy(name) && is_set(line)) {
                return Err(Error::config(format!(
                    "{} would let that proxy read the key on its way to {open}; remove the line, or reach the host over \
                     https",
                    shown(file, line)
                )));
            }
        }
        Ok(())
    }
}

/// The lines of a file that set variables, with their names.
fn variables(file: &SettingsFile) -> impl Iterator<Item = (&SettingLine, &str)> {
    let lines = file.sets.as_deref().unwrap_or_default().iter();
    lines.filter_map(|line| Some((line, line.name.strip_prefix("env.")?)))
}
