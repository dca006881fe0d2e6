use claude_credential_protocol::{Auth, Credential, Error, TokenProblem, parse_token};

use super::Asked;

const VARIABLE: &str = "CLAUDE_CODE_OAUTH_TOKEN";

pub(crate) fn get(asked: &Asked<'_>) -> Result<Option<Credential>, Error> {
    let Some(value) = asked.environment.get(VARIABLE) else { return Ok(None) };
    match parse_token(value.as_bytes()) {
        Ok(token) => Ok(Some(Credential::new(Auth::Bearer(token)).from_source(format!("env:{VARIABLE}")))),
        Err(TokenProblem::Empty) => Ok(None),
        Err(problem) => {
            Err(Error::config(format!("{VARIABLE} holds no token: {problem}; set it anew, or run: unset {VARIABLE}")))
        }
    }
}
