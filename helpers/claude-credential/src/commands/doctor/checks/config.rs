use std::path::Path;

use claude_credential_config::{Entry, Profile, Program};
use claude_credential_protocol::{BaseUrl, Error, Origin, text};
use rustix::fs::{Access, access};

use super::{CheckContext, Finding, or_good};
use crate::chain::program;
use crate::query::destination;

/// `config.toml` can be read and parsed, and no other user can change it.
pub(in super::super) fn readable(check_context: &CheckContext) -> Vec<Finding> {
    let config = &check_context.context.config;
    if let Some(error) = &check_context.config_error {
        let file = check_context.context.options.config.as_ref().map(|file| text::shown_path(file));
        // The parser's error names the line, but nothing that mends it.
        let mend = format!("mend that line of {}", file.unwrap_or_else(|| config.file_shown()));
        return vec![Finding::of(error).or_mend(mend)];
    }
    vec![Finding::good(match &config.file {
        None => "there is no config.toml, so the built-in chain holds".to_owned(),
        Some(file) => {
            let (profiles, entries) = (config.profiles.len(), config.entries.len());
            format!("{}: profiles: {profiles}, entries: {entries}", text::shown_path(file))
        }
    })]
}

/// Every entry has something to run, and is in a chain.
pub(in super::super) fn entries(check_context: &CheckContext) -> Vec<Finding> {
    let config = &check_context.context.config;
    let mut found = Vec::new();
    for entry in config.entries.values() {
        let is_used = config.profiles.values().any(|profile| profile.chain.contains(&entry.name));
        let place = entry.place.as_deref().unwrap_or("config.toml");
        if let Err(error) = has_executable(check_context, entry) {
            let Finding { message, mend, .. } = Finding::of(&error);
            let message = if message.starts_with(place) { message } else { format!("{place}: {message}") };
            let mend = mend.unwrap_or_else(|| format!("mend [entry.{}]", entry.name));
            found.push(if is_used { Finding::wrong(message, mend) } else { Finding::doubtful(message, mend) });
        } else if !is_used && !config.providers.contains_key(&entry.name) {
            let name = &entry.name;
            let message = format!("{place}: entry {name} is in no chain");
            found.push(Finding::doubtful(message, format!("add {name:?} to the `chain` of a profile, or remove it")));
        }
    }
    or_good(found, || format!("each has something to run: {}", config.entries.len()))
}

fn has_executable(check_context: &CheckContext, entry: &Entry) -> Result<(), Error> {
    let context = &check_context.context;
    match &entry.program {
        Program::Helper { name, .. } => match program::locate(context, name) {
            None => Err(program::not_installed(name, entry)),
            Some(file) => executable(&file),
        },
        Program::Command(words) => executable(Path::new(program::command(context, words)?.get_program())),
        // Only the shell knows which commands its script runs.
        Program::Shell(_) => Ok(()),
    }
}

fn executable(file: &Path) -> Result<(), Error> {
    let shown = text::shown_path(file);
    if !file.is_file() {
        return Err(Error::config(format!("{shown} is not there; install it, or write where it is")));
    }
    access(file, Access::EXEC_OK).map_err(|_| Error::config(format!("{shown} can't be run; run: chmod +x {shown}")))
}

/// The hosts, folders and chains of the profiles.
pub(in super::super) fn profiles(check_context: &CheckContext) -> Vec<Finding> {
    let config = &check_context.context.config;
    let file = config.file_shown();
    let unknown =
        check_context.profile.as_ref().err().map(|error| Finding::of(error).or_mend(format!("look at {file}")));
    let mut found: Vec<Finding> = unknown.into_iter().collect();
    for (name, profile) in &config.profiles {
        for folder in profile.directories.iter().filter(|folder| !folder.is_dir()) {
            let message = format!(
                "{file}: a folder in `directories` of profile {name} is not there: {}",
                text::shown_path(folder)
            );
            found.push(Finding::doubtful(message, format!("make it, or take it out of [profile.{name}]")));
        }
        if profile.chain.is_empty() {
            let message = format!("{file}: profile {name} has an empty chain, and so never a credential");
            found.push(Finding::wrong(message, format!("add an entry to `chain` in [profile.{name}]")));
        }
        for host in
            profile.hosts.iter().filter(|host| host.origin().protocol() == "http" && !is_loopback(host.origin()))
        {
            let message = format!("{file}: profile {name} lists {host}, to which keys go unencrypted");
            found.push(Finding::doubtful(message, "reach it over https"));
        }
        // A request on the wire gets its profile by directory, then `default`, then the only one that lists its host.
        let default = &config.profiles["default"];
        for host in profile.hosts.iter().filter(|host| !is_listed(default, host)) {
            let others = config.profiles.iter().filter(|(other, _)| *other != name);
            // Of two profiles with the very same line, only the first is reported.
            let others = others.filter(|(other, profile)| *other > name || !profile.hosts.contains(host));
            for (other, _) in others.filter(|(_, other)| is_listed(other, host)) {
                let message = format!("{file}: the profiles {name} and {other} both list {}", host.as_listed());
                let mend = "for `get`, name one with --profile, or give them `directories`";
                found.push(Finding::doubtful(message, mend));
            }
        }
    }
    or_good(found, || {
        let chosen = check_context.profile.as_ref().map(|profile| profile.name.clone()).unwrap_or_default();
        format!("{chosen} is in use here, of {} in all", config.profiles.len())
    })
}

fn is_listed(profile: &Profile, host: &BaseUrl) -> bool {
    profile.lists(host.origin(), host.path()).is_some()
}

fn is_loopback(host: &Origin) -> bool {
    let name = host.host();
    name.starts_with("127.") || name.starts_with("[::1]") || name == "localhost" || name.starts_with("localhost:")
}

/// The profile lists the host that Claude Code sends its key to. For any other host Claude Code gets none.
pub(in super::super) fn base_url(check_context: &CheckContext) -> Vec<Finding> {
    let Ok(profile) = &check_context.profile else { return Vec::new() };
    vec![match destination::for_client(&check_context.context, profile) {
        Ok(host) => Finding::good(format!("keys go to {host}, which profile {} lists", profile.name)),
        Err(error) => Finding::of(&error).or_mend("look at ANTHROPIC_BASE_URL"),
    }]
}
