//! The entries that a run asks, and the guard against a chain that asks itself.

use claude_credential_protocol::{Error, Secret};

use crate::chain;
use crate::chain::{Answer, Link, Said};
use crate::context::Context;
use crate::failure::Failure;
use crate::query::Ask;

/// Deeper than any chain that a person composes of chains.
pub(crate) const DEEPEST: usize = 8;

/// A secret that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) secret: Secret,
    /// The entry that gave it, which alone is told; none where nobody knows.
    pub(crate) entry: Option<String>,
    /// Where we only conclude it from the client's coming back: the answer that holds it. Then runs are few and far
    /// between, since we may be wrong and the client comes back for ever, and meanwhile this is served.
    pub(crate) concluded: Option<Answer>,
}

/// A chain that leads back to itself would go round for ever: seen here, at the first turn.
pub(crate) fn stop_at_ourselves(context: &Context, ask: &Ask) -> Result<(), Error> {
    let mut settings = ask.chain.iter().filter(|link| link.is_live()).filter_map(|link| link.runs_setting);
    if settings.any(|setting| context.active.leads_back(setting, &context.folders.runtime)) {
        return Err(calls_itself());
    }
    if context.active.depth() >= DEEPEST { Err(calls_itself()) } else { Ok(()) }
}

pub(crate) fn calls_itself() -> Error {
    Error::config(
        "the chain calls itself: an entry or setting of it runs this very command; name another profile there",
    )
}

/// The entries that are asked in a run.
pub(crate) struct Walk<'a> {
    pub(crate) context: &'a Context,
    pub(crate) ask: &'a Ask,
    pub(crate) links: &'a [Link],
    pub(crate) said: Said,
}

impl Walk<'_> {
    pub(crate) fn go(&self, key: &str, refused: Option<&Refused>) -> Result<Answer, Failure> {
        if self.context.active.contains(key) {
            return Err(calls_itself().into());
        }
        let refused = refused.and_then(|refused| Some((refused.entry.as_deref()?, &refused.secret)));
        let request = &self.ask.request;
        let mut said = self.said.clone();
        let found = chain::walk(self.context, self.links, request, key, refused, &mut said)?;
        found.ok_or_else(|| said.nothing(request, &self.ask.profile.name).into())
    }
}
