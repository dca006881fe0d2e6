use std::process::Command;
use std::time::Instant;

use claude_credential_config::{SourceContext, claude};
use claude_credential_process::{Active, KeyCommand, StderrRule};
use claude_credential_protocol::{Auth, Credential, Error, Interactive};

/// The command of the client's `apiKeyHelper` setting, the user's or the administrator's, run as the client runs it.
/// `None` if the command is this suite itself, as its text or the mark of the inner call shows.
pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let SourceContext { request, folders, active, .. } = context;
    if active.leads_back(claude::API_KEY_HELPER, &folders.runtime) {
        return Ok(None);
    }
    let Some(setting) = claude::command(folders, claude::API_KEY_HELPER)? else { return Ok(None) };
    if claude::leads_to_us(&setting.command) {
        return Ok(None);
    }
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(&setting.command);
    let run = |active: &Active| {
        let own_group = request.interactive == Interactive::Never;
        let deadline = Instant::now() + request.patience();
        let (none_exit, stderr) = (&[], StderrRule::Accept);
        KeyCommand { command, folder: &folders.home, active, deadline, own_group, none_exit, stderr }.run()
    };
    let Some(outcome) = active.under(claude::API_KEY_HELPER, &folders.runtime, run) else { return Ok(None) };
    let key = outcome.unwrap_or_else(|_| Err(Error::broke("the command was interrupted")));
    let key = key.map_err(|error| error.with_prefix(&format!("apiKeyHelper in {}", setting.file.display())))?;
    Ok(key.map(|key| Credential::new(Auth::ApiKey(key)).from_source("apiKeyHelper")))
}
