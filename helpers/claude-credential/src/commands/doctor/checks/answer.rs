use claude_credential_config::Profile;
use claude_credential_protocol::Error;

use super::super::finding::Finding;
use super::super::situation::Situation;
use crate::chain::cloud::Cloud;
use crate::cli::Options;
use crate::commands::explain::walked;
use crate::commands::explain::walked::Winner;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Ask;
use crate::query::profile;

const MEND: &str = "run: claude-credential explain --for-client";

/// Whether there is a key at the end of all this: the chain is walked as the client's helper walks it, and what it gives
/// is thrown away. A kept answer is none: what gave it may have nothing any more.
pub(in super::super) fn of_chain(situation: &Situation) -> Vec<Finding> {
    // Both have a line of their own.
    let (None, Ok(profile)) = (&situation.trouble, &situation.profile) else { return Vec::new() };
    if let Some((cloud, false)) = Cloud::of_client(&situation.context) {
        return vec![Finding::good(format!("none is needed: {} has credentials of its own", cloud.name()))];
    }
    vec![match winner(situation, profile) {
        Ok(winner) => Finding::good(format!("entry {} has a key for Claude Code", winner.entry)),
        Err(Failure::Interrupted(signal)) => {
            situation.interrupted.set(Some(signal));
            return Vec::new();
        }
        Err(failure) => Finding::of_message(&failure.to_string()).or_mend(MEND),
    }]
}

fn winner(situation: &Situation, profile: &Profile) -> Result<Winner, Failure> {
    let context = anew(&situation.context);
    let origin = profile::clients_origin(&context, profile)?;
    let ask = Ask::new(&context, profile.clone(), &origin)?;
    let walked = walked::walk(&context, &ask, false)?;
    match (walked.winner, walked.failure) {
        (_, Some(failure)) => Err(failure),
        (Some(winner), None) => Ok(winner),
        (None, None) => Err(Error::not_found("no entry has anything").into()),
    }
}

/// As much time as the client's helper has, whatever the checks before this one took, and without what is kept.
fn anew(context: &Context) -> Context {
    let Options { profile, chain, config, .. } = &context.options;
    let options = Options {
        profile: profile.clone(),
        chain: chain.clone(),
        config: config.clone(),
        no_cache: true,
        no_input: true,
        verbose: false,
    };
    let Context { environment, folders, config, .. } = context;
    Context::with(options, environment.clone(), folders.clone(), config.clone(), true)
}
