use claude_credential_protocol::{Credential, Error, TokenProblem, parse_token};

use crate::anthropic::anthropics;
use crate::source_context::SourceContext;

const VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN";

pub(crate) fn get(asked: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let Some(value) = asked.environment.get(VARIABLE) else { return Ok(None) };
    match parse_token(value.as_bytes()) {
        Ok(token) => Ok(Some(anthropics(token, &format!("env:{VARIABLE}")))),
        Err(TokenProblem::Empty) => Ok(None),
        Err(problem) => {
            Err(Error::config(format!("{VARIABLE} holds no token: {problem}; set it anew, or run: unset {VARIABLE}")))
        }
    }
}
