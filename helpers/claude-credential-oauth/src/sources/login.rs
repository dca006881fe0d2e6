//! What a sign-in stored: the default provider's token, else federation by Anthropic's variables, else Claude Code's own
//! login where the user said so.

use claude_credential_config::SourceContext;
use claude_credential_protocol::{Credential, Error};

use super::{claude, provider};
use crate::flows::federation;

pub(crate) fn get(context: &SourceContext<'_>, home: bool) -> Result<Option<Credential>, Error> {
    let config = context.config()?;
    if let Some(default) = config.default_provider() {
        return provider::get(context, default, true);
    }
    if !home {
        return Ok(None);
    }
    match federation::by_variables(context.environment) {
        Some(provider) => provider::get(context, &provider, true),
        None => claude::get(context),
    }
}
