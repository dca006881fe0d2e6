//! `explain`: which credential a request would get and why, and what Claude Code itself would send. Nothing is handed
//! out, kept, marked or stored.

mod client;
mod compare;
mod explanation;
mod human;
mod identity;
mod json;
mod settings;
pub(super) mod trace;

use std::io::{self, Write};

use claude_credential_config::claude;
use claude_credential_protocol::{Error, written};

use crate::cli::Explain;
use crate::client::environment::environment_of_client;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Query;
use crate::query::profile;
use crate::terminal::screen::Screen;
use crate::ttl::check_ttl;

use client::Client;
use explanation::{Explanation, Question};
use identity::Salted;
use settings::Settings;
use trace::{Trace, trace};

pub(crate) fn run(context: &Context, options: &Explain) -> Result<u8, Failure> {
    let of_client = context.for_client.then(|| context_of_client(context));
    let asking = of_client.as_ref().unwrap_or(context);
    let asked = match question(asking, options) {
        Ok((query, host_reason)) => {
            let profile_reason = profile::reason(asking, &query.profile);
            Ok(Question { profile_reason, host_reason, trace: trace(asking, &query, options.all)?, query })
        }
        Err(error) => Err(error),
    };
    let salted = Salted::new(context);
    let client = client(context, &salted, asked.as_ref().ok().map(|asked| &asked.trace));
    let explanation = Explanation { context, salted, asked, client };
    let text = if options.json {
        json::text(&explanation)
    } else {
        human::text(&explanation, Screen::of_stdout(&context.environment, &context.folders.home))
    };
    written(io::stdout().lock().write_all(text.as_bytes()))?;
    Ok(explanation.exit_code())
}

/// As the client calls its helper: with the variables of its settings.
fn context_of_client(here: &Context) -> Context {
    let folder = std::env::current_dir().unwrap_or_else(|_| here.folders.home.clone());
    let settings = claude::scopes(&folder, &here.folders);
    let environment = environment_of_client(&here.environment, &settings);
    Context::with(here.options.clone(), environment, here.folders.clone(), here.config.clone(), true)
}

/// What `print`, or with `--for-client` the client's helper, would ask.
fn question(context: &Context, options: &Explain) -> Result<(Query, String), Error> {
    if !context.for_client {
        check_ttl(&context.environment)?;
    }
    let profile = profile::choose(context)?;
    let (origin, because) = if context.for_client {
        let because = "where Claude Code sends it";
        (profile::origin_for_client(context, &profile)?, because)
    } else {
        let because = if options.host.is_some() { "by --host" } else { "the profile's first" };
        (profile::origin_for_user(context, &profile, options.host.as_deref())?, because)
    };
    let mut query = Query::new(context, profile, &origin)?;
    query.request.username.clone_from(&options.account);
    Ok((query, because.to_owned()))
}

/// What Claude Code sends, beside what the chain gives.
fn client(context: &Context, salted: &Salted, trace: Option<&Trace>) -> Client {
    let settings = Settings::here(context);
    let mut client = Client::look(context, &settings, salted);
    let broken = std::mem::take(&mut client.warnings);
    client.warnings = compare::warnings(&client, &settings, trace, context);
    client.warnings.extend(broken);
    client.differs = compare::difference(&client, trace);
    client
}
