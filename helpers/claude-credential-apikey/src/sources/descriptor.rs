use claude_credential_config::{Environment, SourceContext};
use claude_credential_files::Descriptor;
use claude_credential_protocol::{Auth, Credential, Error};

const VARIABLE: &str = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR";

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let Some(descriptor) = find(context.environment)? else { return Ok(None) };
    let token = descriptor.token(context.request.patience())?;
    Ok(token.map(|key| Credential::new(Auth::ApiKey(key)).from_source(format!("fd:{VARIABLE}")).ephemeral()))
}

pub(crate) fn find(environment: &Environment) -> Result<Option<Descriptor>, Error> {
    let number = environment.get(VARIABLE)?;
    number.map_or(Ok(None), |number| Descriptor::named_by(VARIABLE, number))
}
