use claude_credential_config::Profile;

use super::{CheckContext, Finding};
use crate::chain::Resolved;
use crate::cli::Options;
use crate::commands::explain::trace::trace;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::{Query, destination};

const MEND: &str = "run: claude-credential explain --for-client";

/// Whether Claude Code's helper would have a key: makes a dry run of its lookup. A kept answer does not count, because
/// the entry that gave it may have nothing any more.
pub(in super::super) fn of_chain(check_context: &CheckContext) -> Vec<Finding> {
    // If the profile is broken, another check says so.
    let Ok(profile) = &check_context.profile else { return Vec::new() };
    if let Some(cloud) = check_context.context.client_mode.sends_credentials_of() {
        return vec![Finding::good(format!("none is needed: {} has credentials of its own", cloud.name()))];
    }
    vec![match winner(check_context, profile) {
        Ok(winner) => Finding::good(format!("entry {} has a key for Claude Code", winner.entry)),
        Err(Failure::Interrupted(signal)) => {
            check_context.interrupted.set(Some(signal));
            return Vec::new();
        }
        Err(failure) => Finding::of(&failure).or_mend(MEND),
    }]
}

fn winner(check_context: &CheckContext, profile: &Profile) -> Result<Resolved, Failure> {
    let context = lookup_context(&check_context.context);
    let host = destination::for_client(&context, profile)?;
    let query = Query::new(&context, profile.clone(), &host)?;
    trace(&context, &query, false)?.outcome
}

/// A context without the cache and with as much time as Claude Code's helper has, however long earlier checks took.
fn lookup_context(context: &Context) -> Context {
    let options = Options { no_cache: true, no_input: true, verbose: false, ..context.options.clone() };
    let Context { environment, folders, config, .. } = context;
    Context::with(options, environment.clone(), folders.clone(), config.clone(), true)
}
