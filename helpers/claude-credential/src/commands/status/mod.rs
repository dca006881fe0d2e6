//! `status`: without a name what each profile has, with one what its helper says of it.

mod profile_status;
mod say;

use std::io::{self, Write};
use std::time::Duration;

use claude_credential_protocol::{Error, now, written};

use crate::cli::{SignIn, Status};
use crate::commands::login;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::profile;
use crate::terminal::screen::Screen;
use claude_credential_protocol::millis;

use profile_status::{ProfileStatus, State};

/// All profiles, and what is asked of them.
struct Overview {
    profiles: Vec<ProfileStatus>,
    min_ttl: Option<Duration>,
}

pub(crate) fn run(context: &Context, options: Status) -> Result<u8, Failure> {
    let Status { min_ttl, name, json, options: mut for_helper } = options;
    if let Some(name) = name {
        for_helper.extend(json.then(|| "--json".into()));
        return login::run(context, "status", &SignIn { name, options: for_helper });
    }
    let overview = Overview { profiles: profiles(context)?, min_ttl };
    let text = if json { say::json(&overview) } else { say::text(&overview, Screen::of_stdout(context)) };
    written(io::stdout().lock().write_all(text.as_bytes()))?;
    Ok(overview.exit_code())
}

/// The profile that is meant here, then the others; with `--profile` that one alone.
fn profiles(context: &Context) -> Result<Vec<ProfileStatus>, Error> {
    let here = profile::choose(context)?;
    let mut lines = Vec::new();
    if context.options.profile.is_none() {
        let others = context.config.profiles.values().filter(|profile| profile.name != here.name);
        lines.extend(others.map(|profile| ProfileStatus::of(context, profile.clone(), false)));
    }
    lines.insert(0, ProfileStatus::of(context, here, true));
    Ok(lines)
}

impl Overview {
    /// Whether it lives shorter than it should.
    fn is_short(&self, status: &ProfileStatus) -> bool {
        let wanted = self.min_ttl.map_or(0, millis);
        self.min_ttl.is_some() && status.expires_at.is_some_and(|at| (at * 1000).saturating_sub(now()) < wanted)
    }

    /// 1 where something lives shorter than it should, or where there is nothing that could live at all.
    fn exit_code(&self) -> u8 {
        let is_any = self.profiles.iter().any(|status| matches!(status.state, State::Answers | State::Asked));
        u8::from(self.min_ttl.is_some() && (!is_any || self.profiles.iter().any(|status| self.is_short(status))))
    }
}
