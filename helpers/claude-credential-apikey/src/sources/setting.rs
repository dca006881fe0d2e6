use std::process::Command;
use std::time::Instant;

use claude_credential_config::claude;
use claude_credential_process::{KeyCommand, StderrRule};
use claude_credential_protocol::{Auth, Credential, Error, Interactive};

use super::Asked;

/// The command of the client's `apiKeyHelper` setting, the user's or the administrator's, run as the client runs it.
/// Where it is ourselves there is nothing to run: told by its text, or by the word that the inner call leaves.
pub(crate) fn get(asked: &Asked<'_>) -> Result<Option<Credential>, Error> {
    let Asked { request, folders, active, .. } = asked;
    if active.contains(claude::API_KEY_HELPER) {
        active.mark(&folders.runtime);
        return Ok(None);
    }
    let Some(setting) = claude::command(folders, claude::API_KEY_HELPER)? else { return Ok(None) };
    if claude::leads_to_us(&setting.command) {
        return Ok(None);
    }
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(&setting.command);
    let inner = active.with(claude::API_KEY_HELPER);
    let outcome = KeyCommand {
        command,
        folder: &folders.home,
        active: &inner,
        deadline: Instant::now() + request.patience(),
        own_group: request.interactive == Interactive::Never,
        none_exit: &[],
        stderr: StderrRule::Accept,
    }
    .run();
    if inner.take_mark(&folders.runtime) {
        return Ok(None);
    }
    let key = outcome.unwrap_or_else(|_| Err(Error::broke("the command was interrupted")));
    let key = key.map_err(|error| error.from_whom(&format!("apiKeyHelper in {}", setting.file.display())))?;
    Ok(key.map(|key| Credential::new(Auth::ApiKey(key)).from_source("apiKeyHelper")))
}
