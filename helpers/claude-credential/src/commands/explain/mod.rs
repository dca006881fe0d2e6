//! `explain`: which credential a request would get and why, and what Claude Code itself would send. It hands out no
//! secret and writes nothing.

mod client;
mod compare;
mod explanation;
mod human;
mod identity;
mod json;
mod settings;
pub(super) mod trace;

use std::io::{self, Write};

use claude_credential_protocol::{Error, written};

use crate::cli::Explain;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::{Query, destination, profile};
use crate::terminal::screen::Screen;
use crate::ttl::check_ttl;

use client::{ClientReport, Sent, SentSource};
use explanation::{Explanation, TracedLookup};
use identity::{SecretHasher, SecretIdentity};
use settings::{ClientSettings, Setting, shown};
use trace::{CacheState, Mark, Row, RowState, Trace, trace};

pub(crate) fn run(context: &Context, options: &Explain) -> Result<u8, Failure> {
    let of_client = context.for_client.then(|| context.of_client(true));
    let lookup_context = of_client.as_ref().unwrap_or(context);
    let lookup = match query(lookup_context, options) {
        Ok((query, host_reason)) => {
            let profile_reason = profile::reason(lookup_context, &query.profile);
            let trace = trace(lookup_context, &query, options.all)?;
            Ok(TracedLookup { query, profile_reason, host_reason, trace })
        }
        Err(error) => Err(error),
    };
    let hasher = SecretHasher::new(context);
    let client = client(context, &hasher, lookup.as_ref().ok().map(|lookup| &lookup.trace));
    let explanation = Explanation { context, hasher, lookup, client };
    let text = if options.json {
        json::text(&explanation)
    } else {
        human::text(&explanation, Screen::of_stdout(&context.environment, &context.folders.home))
    };
    written(io::stdout().lock().write_all(text.as_bytes()))?;
    Ok(explanation.exit_code())
}

/// The query of `print`, or with `--for-client` of `api-key-helper`, and why it is for that host.
fn query(context: &Context, options: &Explain) -> Result<(Query, String), Error> {
    if !context.for_client {
        check_ttl(&context.environment)?;
    }
    let profile = profile::choose(context)?;
    let (host, reason) = if context.for_client {
        (destination::for_client(context, &profile)?, "where Claude Code sends it")
    } else {
        let reason = if options.host.is_some() { "by --host" } else { "the profile's first" };
        (profile::host_for_user(context, &profile, options.host.as_deref())?, reason)
    };
    let mut query = Query::new(context, profile, &host)?;
    query.request.username.clone_from(&options.account);
    Ok((query, reason.to_owned()))
}

/// What Claude Code sends, compared with what the chain gives.
fn client(context: &Context, hasher: &SecretHasher, trace: Option<&Trace>) -> ClientReport {
    let settings = ClientSettings::here(context);
    let mut client = ClientReport::new(context, &settings, hasher);
    let unreadable = std::mem::take(&mut client.warnings);
    client.warnings = compare::warnings(&client, &settings, trace, context);
    client.warnings.extend(unreadable);
    client.differs = compare::difference(&client, trace);
    client
}
