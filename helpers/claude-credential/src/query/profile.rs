//! The profile of a call, and the host.

use std::path::Path;
use std::{env, fs, io};

use claude_credential_config::{Profile, Program};
use claude_credential_protocol::{BaseUrl, Error, Origin, text};

use crate::client::cloud::Cloud;
use crate::context::Context;

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

/// The profile for a request on the wire; `None` if no profile lists its host and path.
pub(crate) fn for_wire(context: &Context, origin: &Origin, path: &str) -> Result<Option<Profile>, Error> {
    let lists = |profile: &Profile| profile.lists(origin, path).is_some();
    if let Some(profile) = named(context)? {
        return Ok(Some(profile).filter(lists));
    }
    if let Some(profile) = by_directory(context, lists)? {
        return Ok(Some(profile));
    }
    let default = default_profile(context)?;
    if lists(&default) {
        return Ok(Some(default));
    }
    let mut listing = context.config.profiles.values().filter(|profile| lists(profile));
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
    } else if context.profile_in_variable().is_ok_and(|name| name.is_some()) {
        "by CLAUDE_CREDENTIAL_PROFILE".to_owned()
    } else if let Ok(Some((directory, _))) = nearest_directory(context, |_| true) {
        format!("by its directory {}", directory.display())
    } else if let Some(cloud) = context.client_mode.cloud().filter(|cloud| cloud.name() == profile.name) {
        format!("Claude Code is set up for {}", cloud.name())
    } else {
        "nothing chose another".to_owned()
    }
}

/// Whether nothing but the cloud that Claude Code is set up for chose `profile`.
pub(crate) fn is_by_mode(context: &Context, profile: &Profile) -> bool {
    chosen(context).is_ok_and(|chosen| chosen.is_none())
        && context.client_mode.cloud().is_some_and(|cloud| cloud.name() == profile.name)
}

/// The host that the user names; by default, the profile's first.
pub(crate) fn host_for_user(context: &Context, profile: &Profile, host: Option<&str>) -> Result<BaseUrl, Error> {
    let Some(host) = host else { return Ok(profile.hosts[0].clone()) };
    let url = if host.contains("://") { host.to_owned() } else { format!("https://{host}") };
    let (origin, path) = Origin::and_path(&url).map_err(|error| Error::config(format!("--host is {error}")))?;
    require_listed(context, profile, &origin, path, "--host")
}

/// The line of `hosts` that lists `path` of `origin`; an error if none does. It names the line that would, or the profile
/// that does: hosts in one list may have each other's keys. `what` names what goes there, for the error.
pub(crate) fn require_listed(
    context: &Context,
    profile: &Profile,
    origin: &Origin,
    path: &str,
    what: &str,
) -> Result<BaseUrl, Error> {
    if let Some(host) = profile.lists(origin, path) {
        return Ok(host.clone());
    }
    let Some(other) = context.config.profiles.values().find(|other| other.lists(origin, path).is_some()) else {
        return Err(unlisted(context, profile, origin, what));
    };
    Err(Error::config(format!(
        "{what} goes to {origin}, which profile {} does not list{}; {other} does: choose it by its `directories`, or with \
         --profile {other}",
        profile.name,
        with_that_path(profile, origin),
        other = other.name,
    )))
}

/// The error for a host that `profile` does not list, if no other profile can be chosen. It does not repeat the path,
/// which may hold a secret.
pub(crate) fn unlisted(context: &Context, profile: &Profile, origin: &Origin, what: &str) -> Error {
    let (name, file) = (&profile.name, context.config.file_shown());
    let of_origin = with_that_path(profile, origin);
    if !of_origin.is_empty() {
        return Error::config(format!(
            "{what} goes to {origin}, which profile {name} does not list{of_origin}; if that path may have the key, add \
             it to hosts of [profile.{name}] in {file}, without escapes, dots and query"
        ));
    }
    let hosts: Vec<String> = profile.hosts.iter().map(BaseUrl::as_listed).chain([origin.as_listed()]).collect();
    Error::config(format!(
        "{what} goes to {origin}, which profile {name} does not list; if it may have the key, add to [profile.{name}] \
         in {file}: hosts = {hosts:?}",
    ))
}

/// Says that the profile lists other paths of the host; empty if it lists none.
fn with_that_path(profile: &Profile, origin: &Origin) -> String {
    let same = profile.hosts.iter().filter(|host| host.origin() == origin);
    let paths: Vec<String> = same.map(|host| format!("/{}", host.path())).collect();
    if paths.is_empty() { String::new() } else { format!(" with that path, but with {}", paths.join(", ")) }
}

/// The name of a profile that the user gave, whether such a profile exists or not.
pub(crate) fn name(context: &Context) -> Result<Option<&str>, Error> {
    context.options.profile.as_deref().map_or_else(|| context.profile_in_variable(), |name| Ok(Some(name)))
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
    let endpoint = context.environment.get(cloud.service().base_url())?.and_then(|url| Origin::and_path(url).ok());
    let endpoint = endpoint.and_then(|(origin, path)| default.lists(&origin, path).cloned());
    let hosts = endpoint.into_iter().chain([own_host.into()]).collect();
    Ok(Profile { chain: vec![name.clone()], name, hosts, ..default })
}
