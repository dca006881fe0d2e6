use claude_credential_config::SourceContext;
use claude_credential_protocol::{Auth, Credential, Error, Secret, TokenProblem, parse_token};

pub(crate) const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";
pub(crate) const API_KEY: &str = "ANTHROPIC_API_KEY";

pub(crate) fn auth_token(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    credential(context, AUTH_TOKEN, Auth::Bearer)
}

pub(crate) fn api_key(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    credential(context, API_KEY, Auth::ApiKey)
}

fn credential(context: &SourceContext<'_>, name: &str, auth: fn(Secret) -> Auth) -> Result<Option<Credential>, Error> {
    let Some(value) = context.environment.get(name)? else { return Ok(None) };
    match parse_token(value.as_bytes()) {
        Ok(secret) => Ok(Some(Credential::new(auth(secret)).from_source(format!("env:{name}")).ephemeral())),
        Err(TokenProblem::Empty) => Ok(None),
        Err(problem) => {
            Err(Error::config(format!("{name} holds no key: {problem}; set it anew, or run: unset {name}")))
        }
    }
}
