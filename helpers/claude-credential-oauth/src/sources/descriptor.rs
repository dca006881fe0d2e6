use claude_credential_files::Descriptor;
use claude_credential_protocol::{Credential, Error};

use crate::anthropic::anthropics;
use crate::source_context::SourceContext;

const VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR";

pub(crate) fn get(asked: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let Some(number) = asked.environment.get(VARIABLE) else { return Ok(None) };
    let Some(descriptor) = Descriptor::named_by(VARIABLE, number)? else { return Ok(None) };
    let token = descriptor.token(asked.request.patience())?;
    Ok(token.map(|token| anthropics(token, &format!("fd:{VARIABLE}"))))
}
