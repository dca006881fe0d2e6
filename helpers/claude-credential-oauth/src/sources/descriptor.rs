use claude_credential_files::Descriptor;
use claude_credential_protocol::{Auth, Credential, Error};

use super::Asked;

const VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR";

pub(crate) fn get(asked: &Asked<'_>) -> Result<Option<Credential>, Error> {
    let Some(number) = asked.environment.get(VARIABLE) else { return Ok(None) };
    let Some(descriptor) = Descriptor::named_by(VARIABLE, number)? else { return Ok(None) };
    let token = descriptor.token(asked.request.patience())?;
    Ok(token.map(|token| Credential::new(Auth::Bearer(token)).from_source(format!("fd:{VARIABLE}"))))
}
