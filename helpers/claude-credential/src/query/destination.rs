//! Where Claude Code will send the credential of a call, and whether it may go there (`docs/design/destination.md`).

use std::path::PathBuf;

use claude_credential_config::claude::{self, SettingLine, SettingsFile};
use claude_credential_config::{Folders, Profile};
use claude_credential_protocol::{BaseUrl, CUSTOM_HEADERS, Error, Origin};

use crate::client::destination::{Destination, Reason, destinations, named_by};
use crate::client::environment::with_settings;
use crate::client::service::Service;
use crate::client::trust::{may_route, names_proxy, replaces_trust};
use crate::context::Context;
use crate::query::profile::{is_by_mode, require_listed};

const CLAUDE_CONFIG_DIR: &str = "CLAUDE_CONFIG_DIR";

/// Where the Claude Code that starts this call will send the key. Fails unless the profile lists every place that the
/// environment leads to, with the project's settings and without: Claude Code runs its helper before it applies them, and
/// uses the key afterwards.
pub(crate) fn for_client(context: &Context, profile: &Profile) -> Result<BaseUrl, Error> {
    let project = Project::here(context)?;
    project.check(context, profile)?;
    if is_by_mode(context, profile) {
        project.check_switches(&profile.name)?;
    }
    let mut hosts = Vec::new();
    for files in [project.all(), project.read(), Vec::new()] {
        let environment = with_settings(&context.environment, files.iter().copied());
        let places = destinations(&environment);
        hosts.push(listed(context, profile, &places, &files)?);
    }
    project.check_proxies(hosts.iter().flatten())?;
    // With the settings that Claude Code reads, which decide for every request.
    one_line(&hosts.swap_remove(1)).cloned()
}

/// The line of `hosts` that a credential for all of these is for. Where paths tell tenants apart, it is for one line only.
pub(crate) fn one_line(hosts: &[BaseUrl]) -> Result<&BaseUrl, Error> {
    let first = hosts.first().ok_or_else(|| Error::broke("Claude Code sends nowhere"))?;
    match hosts.iter().find(|other| *other != first && !(other.path().is_empty() && first.path().is_empty())) {
        Some(other) => Err(Error::config(format!(
            "Claude Code sends one key to both {first} and {other}, which are different tenants; set it up for one of \
             them, or list a host that covers both"
        ))),
        None => Ok(first),
    }
}

/// The lines of `hosts` that list these places. Fails if the profile does not list one of them; the error names the
/// setting or variable that leads there, in the first of `files` that sets it.
pub(crate) fn listed(
    context: &Context,
    profile: &Profile,
    places: &[Destination],
    files: &[&SettingsFile],
) -> Result<Vec<BaseUrl>, Error> {
    let host = |place: &Destination| {
        let what = place.reason.shown(|variable| with_line(files, variable));
        let (origin, path) = place.of_host(&what)?;
        let variable = if let Reason::Named(variable) = place.reason { variable } else { "" };
        require_bound(context, profile, origin, path, &what, variable)
    };
    places.iter().map(host).collect()
}

/// The line of `hosts` that lists a place which `variable` names. A line with a path is none for a cloud's API: there
/// Claude Code puts project and model into the path as they are, `..` included (seen with 2.1.332).
fn require_bound(
    context: &Context,
    profile: &Profile,
    origin: &Origin,
    path: &str,
    what: &str,
    variable: &str,
) -> Result<BaseUrl, Error> {
    let host = require_listed(context, profile, origin, path, what)?;
    let is_led_on = [Service::Bedrock, Service::Vertex].map(Service::base_url).contains(&variable);
    if is_led_on && !host.path().is_empty() {
        return Err(Error::config(format!(
            "{what} goes to {origin}, where Claude Code puts the name of the model into the path, which can lead out of \
             {host}; if all of {origin} may have the key, list it without a path"
        )));
    }
    Ok(host)
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
        let mut files = claude::projects(&folder, &context.folders);
        if context.environment.get_os(CLAUDE_CONFIG_DIR).is_some() {
            // A file that makes its own folder the user's stays a project's.
            let usual = Folders { claude: context.folders.home.join(".claude"), ..context.folders.clone() };
            let names_folder = |file: &SettingsFile| file.get(&format!("env.{CLAUDE_CONFIG_DIR}")).is_some();
            let is_new = |file: &SettingsFile| files.iter().all(|known| known.file != file.file);
            let further: Vec<SettingsFile> = claude::projects(&folder, &usual)
                .into_iter()
                .filter(|file| is_new(file) && names_folder(file))
                .collect();
            files.extend(further);
        }
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
                // What the client makes of a list or an object is not known here.
                let Some(value) = &line.value else { return Err(unclear()) };
                if value.expose().is_empty() {
                    continue;
                }
                let what = shown(file, line);
                if replaces_trust(name) {
                    return Err(distrusted(&what));
                }
                if name == CUSTOM_HEADERS && may_route(value.expose()) {
                    return Err(Error::config(format!(
                        "{what} can lead the key elsewhere than the profile's hosts; remove the line, or set it in your \
                         own settings instead"
                    )));
                }
                if let Some(place) = named_by(name, value.expose()) {
                    let (origin, path) =
                        place.map_err(|error| Error::config(format!("{what} is {error}; mend or remove it")))?;
                    require_bound(context, profile, &origin, &path, &what, name)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses a switch of a cloud, which would choose the profile.
    fn check_switches(&self, profile: &str) -> Result<(), Error> {
        for file in &self.files {
            let is_switch = |name: &str| Service::ALL.iter().any(|service| service.use_switch() == name);
            if let Some((line, _)) = variables(file).find(|(_, name)| is_switch(name)) {
                return Err(Error::config(format!(
                    "{} would choose the credential of profile {profile}; remove the line, or set it in your own settings \
                     instead",
                    shown(file, line)
                )));
            }
        }
        Ok(())
    }

    /// Refuses what would have another server than the user's be asked for a cloud's credentials.
    pub(crate) fn check_trust(&self) -> Result<(), Error> {
        for file in &self.files {
            let is_set = |line: &SettingLine| line.value.as_ref().is_none_or(|value| !value.expose().is_empty());
            if let Some((line, _)) = variables(file).find(|(line, name)| replaces_trust(name) && is_set(line)) {
                return Err(distrusted(&shown(file, line)));
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

fn distrusted(what: &str) -> Error {
    Error::config(format!(
        "{what} can let another server than the profile's hosts read the key; remove the line, or set it in your own \
         settings instead"
    ))
}

/// The lines of a file that set variables, with their names.
fn variables(file: &SettingsFile) -> impl Iterator<Item = (&SettingLine, &str)> {
    let lines = file.sets.as_deref().unwrap_or_default().iter();
    lines.filter_map(|line| Some((line, line.name.strip_prefix("env.")?)))
}
