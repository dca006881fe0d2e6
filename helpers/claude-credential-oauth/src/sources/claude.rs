//! The login that Claude Code stored for itself, where the user's own configuration says so.

use claude_credential_config::claude::{login_file, stored_login};
use claude_credential_config::{ClaudeLogin, SourceContext};
use claude_credential_files::exists;
use claude_credential_protocol::{Auth, Credential, Error, is_past};

use crate::anthropic::HEADER;

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let claude = &context.folders.claude;
    // Without a file the configuration is not loaded. A file that can't be looked for is for `stored_login` to report.
    if context.request.username.is_some() || exists(&login_file(claude)).is_ok_and(|exists| !exists) {
        return Ok(None);
    }
    if context.config()?.claude_login != ClaudeLogin::Read {
        return Ok(None);
    }
    let login = stored_login(claude)?.filter(|login| !is_past(login.expires_at));
    Ok(login.map(|login| {
        let credential = Credential::new(Auth::Bearer(login.token)).from_source("claude").ephemeral();
        Credential { headers: vec![HEADER.to_owned()], expires_at: login.expires_at, ..credential }
    }))
}
