//! `status`: without a name, what each profile has; with one, the status that the entry's helper reports.

mod json;
mod known_credential;
mod profile_status;
mod table;

use std::io::{self, Write};

use claude_credential_protocol::{Error, written};

use crate::cli::{SignIn, Status};
use crate::commands::login;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::profile;
use crate::terminal::screen::Screen;

use profile_status::{Overview, ProfileState, ProfileStatus};

pub(crate) fn run(context: &Context, options: Status) -> Result<u8, Failure> {
    let Status { min_ttl, name, json, options: mut for_helper } = options;
    if let Some(name) = name {
        for_helper.extend(json.then(|| "--json".into()));
        return login::run(context, "status", &SignIn { name, options: for_helper });
    }
    let overview = Overview { profiles: profiles(context)?, min_ttl };
    let text = if json {
        json::text(&overview)
    } else {
        table::text(&overview, Screen::of_stdout(&context.environment, &context.folders.home))
    };
    written(io::stdout().lock().write_all(text.as_bytes()))?;
    Ok(overview.exit_code())
}

/// The profile in use here, then the others; with `--profile` that one alone.
fn profiles(context: &Context) -> Result<Vec<ProfileStatus>, Error> {
    let here = profile::choose(context)?;
    let mut profiles = Vec::new();
    if context.options.profile.is_none() {
        let others = context.config.profiles.values().filter(|profile| profile.name != here.name);
        profiles.extend(others.map(|profile| ProfileStatus::of(context, profile.clone(), false)));
    }
    profiles.insert(0, ProfileStatus::of(context, here, true));
    Ok(profiles)
}
