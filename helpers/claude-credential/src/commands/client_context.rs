use claude_credential_config::claude;

use crate::client::environment::environment_of_client;
use crate::context::Context;

/// The context with the variables that Claude Code would have if it were started here: the settings of the user and of
/// the administrator set some.
pub(super) fn client_context(here: &Context, for_client: bool) -> Context {
    let folder = std::env::current_dir().unwrap_or_else(|_| here.folders.home.clone());
    let environment = environment_of_client(&here.environment, &claude::scopes(&folder, &here.folders));
    Context::with(here.options.clone(), environment, here.folders.clone(), here.config.clone(), for_client)
}
