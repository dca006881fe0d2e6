//! `explain`: which credential a request would get and why, and what Claude Code itself would send. Nothing is handed
//! out, kept, marked or stored.

mod client;
mod compare;
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
use identity::Salted;
use trace::Trace;

/// All that is said, before it is said to people or to programs.
pub(crate) struct Explanation<'a> {
    context: &'a Context,
    salted: Salted,
    asked: Result<Question, Error>,
    client: Client,
}

/// The question, and what comes of it.
struct Question {
    query: Query,
    profile_reason: String,
    host_reason: String,
    trace: Trace,
}

pub(crate) fn run(context: &Context, options: &Explain) -> Result<u8, Failure> {
    let of_client = context.for_client.then(|| context_of_client(context));
    let asking = of_client.as_ref().unwrap_or(context);
    let asked = match question(asking, options) {
        Ok((query, host_reason)) => {
            let profile_reason = profile::reason(asking, &query.profile);
            Ok(Question { profile_reason, host_reason, trace: trace::trace(asking, &query, options.all)?, query })
        }
        Err(error) => Err(error),
    };
    let salted = Salted::new(context);
    let client = Client::look(context, &salted, asked.as_ref().ok().map(|asked| &asked.trace));
    let explanation = Explanation { context, salted, asked, client };
    let text =
        if options.json { json::text(&explanation) } else { human::text(&explanation, Screen::of_stdout(context)) };
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

impl Explanation<'_> {
    /// The command that is explained.
    fn command(&self) -> &'static str {
        if self.context.for_client { "api-key-helper" } else { "print" }
    }

    /// What that command would exit with.
    fn exit_code(&self) -> u8 {
        match &self.asked {
            Err(error) => error.class().exit_code(),
            Ok(asked) => asked.trace.failure.as_ref().map_or(0, Failure::exit_code),
        }
    }
}
