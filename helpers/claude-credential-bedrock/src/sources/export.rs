use claude_credential_config::claude;
use claude_credential_protocol::Error;

use super::command;
use crate::keys::Keys;
use crate::source_context::SourceContext;

/// Runs the command of Claude Code's `awsCredentialExport` setting, as Claude Code does. If the command is this
/// program, recognized by its text or by a variable that the outer call sets, it is not run.
pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    const NAME: &str = claude::AWS_CREDENTIAL_EXPORT;
    let runtime = &context.folders.runtime;
    if context.active.leads_back(NAME, runtime) {
        return Err(Error::config(format!("the {NAME} setting runs this command itself; mend it")));
    }
    let Some(setting) = claude::command(context.folders, NAME)? else { return Ok(None) };
    if claude::leads_to_us(&setting.command) {
        return Ok(None);
    }
    let whose = format!("{NAME} in {}", setting.file.display());
    let keys = context.active.under(NAME, runtime, |inner| command::keys(context, &setting.command, &whose, inner));
    let keys = keys.transpose()?;
    Ok(keys.map(|keys| keys.with_source(NAME, format!("mend {whose}"))))
}
