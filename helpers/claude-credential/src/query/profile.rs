//! The profile of a call, and the host.

use std::path::Path;
use std::{env, fs, io};

use claude_credential_config::{Profile, Program, claude};
use claude_credential_protocol::{Error, Origin, text};

use crate::client::cloud::Cloud;
use crate::context::Context;

/// Where Claude Code sends a key by default.
pub(crate) const API: &str = "https://api.anthropic.com";

/// The profile for the user's commands and for Claude Code.
pub(crate) fn choose(context: &Context) -> Result<Profile, Error> {
    chosen(context)?.map_or_else(|| default_profile(context), Ok)
}

/// The profile for the program of one entry. If nothing chose a profile, the helper of a cloud is asked for the cloud's
/// own host, however Claude Code is set up.
pub(crate) fn for_program(context: &Context, program: &Program) -> Result<Profile, Error> {
    match (chosen(context)?, Cloud::of_program(program)) {
        (Some(profile), _) => Ok(profile),
        (None, Some(cloud)) => of_cloud(context, cloud),
        (None, None) => default_profile(context),
    }
}

/// The profile for a request on the wire; `None` if no profile lists its host.
pub(crate) fn for_origin(context: &Context, origin: &Origin) -> Result<Option<Profile>, Error> {
    if let Some(profile) = named(context)? {
        return Ok(Some(profile).filter(|profile| profile.lists(origin)));
    }
    if let Some(profile) = by_directory(context, |profile| profile.lists(origin))? {
        return Ok(Some(profile));
    }
    let default = default_profile(context)?;
    if default.lists(origin) {
        return Ok(Some(default));
    }
    let mut listing = context.config.profiles.values().filter(|profile| profile.lists(origin));
    match (listing.next(), listing.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Ok(Some(only.clone())),
        (Some(one), Some(other)) => Err(Error::config(format!(
            "{}: the profiles {} and {} both list {}; name one with --profile or by `directories`",
            context.config.file_shown(),
            one.name,
            other.name,
            origin.as_listed()
        ))),
    }
}

/// Why [`choose`] chose `profile`, as the user reads it.
pub(crate) fn reason(context: &Context, profile: &Profile) -> String {
    if context.options.profile.is_some() {
        "by --profile".to_owned()
    } else if name_in_variable(context).is_ok_and(|name| name.is_some()) {
        "by CLAUDE_CREDENTIAL_PROFILE".to_owned()
    } else if let Ok(Some((directory, _))) = nearest_directory(context, |_| true) {
        format!("by its directory {}", directory.display())
    } else if let Some(cloud) = context.client_mode.cloud().filter(|cloud| cloud.name() == profile.name) {
        format!("Claude Code is set up for {}", cloud.name())
    } else {
        "nothing chose another".to_owned()
    }
}

/// The host that the user names; by default, the profile's first.
pub(crate) fn origin_for_user(context: &Context, profile: &Profile, host: Option<&str>) -> Result<Origin, Error> {
    let Some(host) = host else { return Ok(profile.hosts[0].clone()) };
    let origin = if host.contains("://") { Origin::of_url(host) } else { Origin::listed(host) };
    let origin = origin.map_err(|error| Error::config(format!("--host is {error}")))?;
    require_listed(context, profile, &origin, "--host")?;
    Ok(origin)
}

/// Where Claude Code will send the key: the host that its environment sets, if the profile lists it. A project's
/// settings are read only to refuse: Claude Code runs its helper before it applies them, and uses the key afterwards.
pub(crate) fn origin_for_client(context: &Context, profile: &Profile) -> Result<Origin, Error> {
    let variable = context.client_mode.base_url();
    let url = context.environment.get_os(variable);
    let origin = match url {
        Some(url) => Origin::of_url(url.to_str().unwrap_or_default())
            .map_err(|error| Error::config(format!("{variable} is {error}")))?,
        None if context.client_mode.cloud().is_some() => profile.hosts[0].clone(),
        None => Origin::of_url(API).map_err(|error| Error::broke(error.to_string()))?,
    };
    let what = if url.is_some() { variable } else { "without ANTHROPIC_BASE_URL Claude Code" };
    require_listed(context, profile, &origin, what)?;
    check_project(context, profile)?;
    Ok(origin)
}

/// Refuses if the settings of the current project send the key to a host that the profile does not list.
pub(crate) fn check_project(context: &Context, profile: &Profile) -> Result<(), Error> {
    let folder = std::env::current_dir();
    let folder = folder.map_err(|error| {
        Error::config(format!(
            "the working directory can't be read ({error}), nor a project's settings in it; run: cd ~"
        ))
    })?;
    for url in claude::project_urls(&folder, &context.folders) {
        let file = url.file.display();
        let Some((variable, value)) = url.sets else {
            return Err(Error::config(format!(
                "{file} can't be understood, so where it would send the key is not known; mend or remove it"
            )));
        };
        let origin = Origin::of_url(&value)
            .map_err(|error| Error::config(format!("{file}: {variable} is {error}; mend or remove it")))?;
        require_listed(context, profile, &origin, &format!("{file}: {variable}"))?;
    }
    Ok(())
}

/// Refuses a host that the profile does not list. The error names the line that would list it, or the profile that
/// does: hosts in one list may have each other's keys. `what` names what goes there, for the error.
pub(crate) fn require_listed(context: &Context, profile: &Profile, origin: &Origin, what: &str) -> Result<(), Error> {
    if profile.lists(origin) {
        return Ok(());
    }
    let Some(other) = context.config.profiles.values().find(|other| other.lists(origin)) else {
        return Err(unlisted(context, profile, origin, what));
    };
    Err(Error::config(format!(
        "{what} goes to {origin}, which profile {} does not list; {other} does: choose it by its `directories`, or with \
         --profile {other}",
        profile.name,
        other = other.name,
    )))
}

/// The error for a host that `profile` does not list, if no other profile can be chosen.
pub(crate) fn unlisted(context: &Context, profile: &Profile, origin: &Origin, what: &str) -> Error {
    let hosts: Vec<String> =
        profile.hosts.iter().chain([origin]).map(|host| format!("{:?}", host.as_listed())).collect();
    Error::config(format!(
        "{what} goes to {origin}, which profile {name} does not list; if it may have the key, add to [profile.{name}] \
         in {file}: hosts = [{hosts}]",
        name = profile.name,
        file = context.config.file_shown(),
        hosts = hosts.join(", "),
    ))
}

/// The name of a profile that the user gave, whether such a profile exists or not.
pub(crate) fn name(context: &Context) -> Result<Option<&str>, Error> {
    context.options.profile.as_deref().map_or_else(|| name_in_variable(context), |name| Ok(Some(name)))
}

/// The name in the variable, which does not count for Claude Code: a project's settings can set its variables.
fn name_in_variable(context: &Context) -> Result<Option<&str>, Error> {
    if context.for_client { Ok(None) } else { context.environment.get("CLAUDE_CREDENTIAL_PROFILE") }
}

/// The profile that the user named, or chose by the working directory.
fn chosen(context: &Context) -> Result<Option<Profile>, Error> {
    match named(context)? {
        None => by_directory(context, |_| true),
        named => Ok(named),
    }
}

fn named(context: &Context) -> Result<Option<Profile>, Error> {
    let Some(name) = name(context)? else { return Ok(None) };
    if let Some(profile) = context.config.profiles.get(name) {
        return Ok(Some(profile.clone()));
    }
    // A cloud's profile is built in, like its entry.
    let cloud = Cloud::named(name).map(|cloud| of_cloud(context, cloud)).transpose()?;
    cloud.map(Some).ok_or_else(|| {
        let names: Vec<&str> = context.config.profiles.keys().map(String::as_str).collect();
        let file = context.config.file_shown();
        Error::config(format!("there is no profile of that name in {file}; there are: {}", names.join(", ")))
    })
}

/// The profile with the longest of its `directories` at or above the working directory, by whole components.
fn by_directory(context: &Context, suits: impl Fn(&Profile) -> bool) -> Result<Option<Profile>, Error> {
    Ok(nearest_directory(context, suits)?.map(|(_, profile)| profile.clone()))
}

/// The nearest directory of such a profile, and the profile.
fn nearest_directory(context: &Context, suits: impl Fn(&Profile) -> bool) -> Result<Option<(&Path, &Profile)>, Error> {
    let mut nearest: Option<(usize, &Path, &Profile)> = None;
    let suiting = context.config.profiles.values().filter(|profile| suits(profile));
    for (directory, profile) in suiting.flat_map(|profile| profile.directories.iter().map(move |it| (&**it, profile))) {
        // Without a working directory the user's choice is not known, and `default` may be another account.
        let unknown = |what: String, error: io::Error| {
            Error::config(format!(
                "{what} can't be read ({error}), so a profile can't be chosen by its `directories`; run: cd ~, or name \
                 one with --profile"
            ))
        };
        let working_directory =
            env::current_dir().map_err(|error| unknown("the working directory".to_owned(), error))?;
        // Both paths are physical: a link into a folder must choose the same profile as the folder.
        let physical = match fs::canonicalize(directory) {
            Ok(physical) => physical,
            // Nothing can be below a folder that is not there.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(unknown(text::shown_path(directory), error)),
        };
        let depth = physical.components().count();
        if working_directory.starts_with(&physical) && nearest.is_none_or(|(deepest, ..)| depth >= deepest) {
            nearest = Some((depth, directory, profile));
        }
    }
    Ok(nearest.map(|(_, directory, profile)| (directory, profile)))
}

/// The profile if nothing chose one: `default`, or that of the cloud that Claude Code is set up for.
fn default_profile(context: &Context) -> Result<Profile, Error> {
    match context.client_mode.cloud() {
        Some(cloud) => of_cloud(context, cloud),
        None => Ok(context.config.profiles["default"].clone()),
    }
}

/// The built-in profile of a cloud: the cloud's helper alone, for the cloud's own host.
fn of_cloud(context: &Context, cloud: Cloud) -> Result<Profile, Error> {
    let default = context.config.profiles["default"].clone();
    let name = cloud.name().to_owned();
    let own_host = Origin::listed(&cloud.host(&context.environment)?)
        .map_err(|error| Error::config(format!("the cloud's region is not valid: {error}")))?;
    // An endpoint in the environment counts only if the user listed it.
    let endpoint = context.environment.get(cloud.base_url())?.and_then(|url| Origin::of_url(url).ok());
    let hosts = endpoint.filter(|origin| default.lists(origin)).into_iter().chain([own_host]).collect();
    Ok(Profile { chain: vec![name.clone()], name, hosts, ..default })
}
