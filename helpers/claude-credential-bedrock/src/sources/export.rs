use claude_credential_config::claude;
use claude_credential_protocol::Error;

use crate::asked::Asked;
use crate::command;
use crate::keys::Keys;

/// The command of the client's `awsCredentialExport` setting, run as the client runs it. Where it is ourselves there is
/// nothing to run: told by its text, or by the word that the inner call leaves.
pub(crate) fn get(asked: &Asked<'_>) -> Result<Option<Keys>, Error> {
    const NAME: &str = claude::AWS_CREDENTIAL_EXPORT;
    if asked.active.contains(NAME) {
        asked.active.mark(&asked.folders.runtime);
        return Err(Error::config(format!("the {NAME} setting runs this very command")));
    }
    let Some(setting) = claude::command(asked.folders, NAME)? else { return Ok(None) };
    if claude::leads_to_us(&setting.command) {
        return Ok(None);
    }
    let inner = asked.active.with(NAME);
    let whose = format!("{NAME} in {}", setting.file.display());
    let keys = command::keys(asked, &setting.command, &whose, &inner);
    if inner.take_mark(&asked.folders.runtime) {
        return Ok(None);
    }
    Ok(Some(keys?.with_source(NAME, format!("mend {whose}"))))
}
