use claude_credential_config::SourceContext;
use claude_credential_protocol::{Credential, Error, TokenProblem, parse_token};

use crate::anthropic::ephemeral_credential;

const VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN";

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let Some(value) = context.environment.get(VARIABLE)? else { return Ok(None) };
    match parse_token(value.as_bytes()) {
        Ok(token) => Ok(Some(ephemeral_credential(token, &format!("env:{VARIABLE}")))),
        Err(TokenProblem::Empty) => Ok(None),
        Err(problem) => {
            Err(Error::config(format!("{VARIABLE} holds no token: {problem}; set it anew, or run: unset {VARIABLE}")))
        }
    }
}
