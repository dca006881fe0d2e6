use claude_credential_protocol::Error;

use super::command;
use crate::keys::Keys;
use crate::source_context::SourceContext;

/// What a profile's `credential_process` prints
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>). The SDK is not used,
/// because it sets no deadline, repeats the stderr, and would run this program from itself without end.
pub(crate) fn get(context: &SourceContext<'_>, profile: &str, line: &str) -> Result<Keys, Error> {
    // The keys that are handed down are separated by blanks, and a profile's name may contain one.
    let key = format!("credential_process:{}", claude_credential_files::hex(profile.as_bytes()));
    let whose = format!("credential_process of profile {profile}");
    let runtime = &context.folders.runtime;
    let itself = || {
        Error::config(format!(
            "{whose} runs this command for the same profile; name another one there: --aws-profile NAME"
        ))
    };
    if context.active.leads_back(&key, runtime) {
        return Err(itself());
    }
    let keys = context.active.under(&key, runtime, |inner| command::keys(context, line, &whose, inner));
    Ok(keys.ok_or_else(itself)??.with_source(format!("profile {profile}, credential_process"), format!("mend {whose}")))
}
