use claude_credential_config::SourceContext;
use claude_credential_files::Descriptor;
use claude_credential_protocol::{Credential, Error};

use crate::anthropic::ephemeral_credential;

const VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR";

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let Some(number) = context.environment.get(VARIABLE)? else { return Ok(None) };
    let Some(descriptor) = Descriptor::named_by(VARIABLE, number)? else { return Ok(None) };
    let token = descriptor.token(context.request.patience())?;
    Ok(token.map(|token| ephemeral_credential(token, &format!("fd:{VARIABLE}"))))
}
