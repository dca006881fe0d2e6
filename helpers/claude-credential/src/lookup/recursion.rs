use claude_credential_protocol::Error;

use crate::context::Context;
use crate::query::Query;

/// No user nests chains deeper than this.
pub(crate) const MAX_DEPTH: usize = 8;

/// Refuses a chain that calls itself before it does so a second time.
pub(super) fn reject_recursion(context: &Context, query: &Query) -> Result<(), Error> {
    let mut settings = query.chain.iter().filter(|entry| entry.is_live()).filter_map(|entry| entry.runs_setting);
    let leads_back = settings.any(|setting| context.active.leads_back(setting, &context.folders.runtime));
    if leads_back || context.active.depth() >= MAX_DEPTH { Err(recursion()) } else { Ok(()) }
}

pub(crate) fn recursion() -> Error {
    Error::config(
        "the chain calls itself: an entry or setting of it runs this very command; name another profile there",
    )
}
