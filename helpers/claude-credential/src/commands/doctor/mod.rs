//! `doctor`: what is wrong with this installation, and what mends it. Each check is a function in one table.

mod check_context;
mod checks;
mod finding;
mod report;
mod spawn;

use std::io;

use claude_credential_config::{Config, Environment, Folders, claude};

use crate::cli::{Doctor, Options};
use crate::client::environment::environment_of_client;
use crate::context::Context;
use crate::failure::Failure;
use crate::terminal::screen::wants_colours;

use check_context::CheckContext;
use checks::{
    answer, commands, config, credentials, files, folders, installation, keychain, live, locks, managed, settings, time,
};
use finding::Finding;
use report::Report;

/// A check: its name, and the function that makes it, which finds nothing if the check does not apply.
struct Check {
    name: &'static str,
    /// Whether it needs a `config.toml` that can be read. If it can't be, the check `config` says so.
    needs_config: bool,
    run: fn(&CheckContext) -> Vec<Finding>,
}

const fn check(name: &'static str, run: fn(&CheckContext) -> Vec<Finding>) -> Check {
    Check { name, needs_config: false, run }
}

const fn check_with_config(name: &'static str, run: fn(&CheckContext) -> Vec<Finding>) -> Check {
    Check { name, needs_config: true, run }
}

/// What other checks depend on is checked before them.
const CHECKS: [Check; 29] = [
    check("folders", folders::usable),
    check("versions", installation::versions),
    check("place", installation::together),
    check("path", installation::path),
    check("files", files::private),
    check("leftovers", files::leftovers),
    check_with_config("keychain", keychain::works),
    check("config", config::readable),
    check_with_config("entries", config::entries),
    check_with_config("profiles", config::profiles),
    check_with_config("commands", commands::speak_as_they_should),
    check_with_config("answer", answer::of_chain),
    check("settings", settings::readable),
    check("api-key-helper", settings::helper),
    check("project", settings::project),
    check("managed", managed::blocks),
    check("base-url", config::base_url),
    check("credentials", credentials::one_in_a_request),
    check("ttl", time::ttl),
    check("lives", time::lives),
    check("clock", time::clock),
    check("cache", files::cache),
    check("locks", locks::held),
    check("core-dumps", files::core_dumps),
    check("reach", live::reach),
    check("refusal", live::refusal),
    check("headers", live::headers),
    check("redirect", live::redirect),
    check("server-clock", live::clock),
];

pub(crate) fn run(options: Options, doctor: &Doctor) -> Result<u8, Failure> {
    let environment = Environment::here();
    let width = CHECKS.iter().map(|check| check.name.len()).max().unwrap_or_default();
    let mut report = Report::new(doctor.json, wants_colours(&environment, &io::stdout()), width);
    match Folders::of(&environment) {
        // Without the folders no other check can be made.
        Err(error) => report.add("folders", Finding::of(&error).or_mend("look at HOME and the XDG variables"))?,
        Ok(folders) => {
            let (config, config_error) = match Config::load(&folders, options.config.as_deref()) {
                Ok(config) => (config, None),
                Err(error) => (Config::built_in(), Some(error)),
            };
            let here = std::env::current_dir().unwrap_or_else(|_| folders.home.clone());
            let settings = claude::scopes(&here, &folders);
            let environment = environment_of_client(&environment, &settings);
            // As Claude Code calls its helper, because what it gets is what has to be right. So the user is never asked.
            let context = Context::with(options, environment, folders, config, true);
            let check_context = CheckContext::new(context, config_error, settings, doctor.live);
            for Check { name, needs_config, run } in CHECKS {
                if needs_config && check_context.config_error.is_some() {
                    continue;
                }
                let found = run(&check_context);
                if let Some(signal) = check_context.interrupted.get() {
                    return Err(Failure::Interrupted(signal));
                }
                for finding in found {
                    report.add(name, finding)?;
                }
            }
        }
    }
    Ok(report.end()?)
}
