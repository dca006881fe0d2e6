use claude_credential_protocol::Error;

use crate::document;
use crate::keys::Keys;
use crate::source_context::SourceContext;

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const EXPIRATION: &str = "AWS_CREDENTIAL_EXPIRATION";

/// The variables (<https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>), with the expiry that
/// `aws configure export-credentials` and our own `print --format env` put beside them.
pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    let variable =
        |name| Ok::<_, Error>(context.environment.get(name)?.map(str::trim).filter(|value| !value.is_empty()));
    let (id, secret) = match (variable(ID)?, variable(SECRET)?) {
        (Some(id), Some(secret)) => (id, secret),
        // A secret alone is no credential to AWS's tools, which go on to the next source.
        (None, _) => return Ok(None),
        (Some(_), None) => {
            return Err(Error::config(format!("{ID} is set and {SECRET} is not; set both, or run: unset {ID}")));
        }
    };
    let expires_at = variable(EXPIRATION)?.map(|text| {
        let not_a_time = || Error::config(format!("{EXPIRATION} is not an ISO 8601 time; run: unset {EXPIRATION}"));
        document::time(text).ok_or_else(not_a_time)
    });
    let keys = Keys {
        session_token: variable("AWS_SESSION_TOKEN")?.map(Into::into),
        expires_at: expires_at.transpose()?,
        ephemeral: true,
        ..Keys::new(id, secret.into())
    };
    let mend = format!("run: unset {ID} {SECRET} AWS_SESSION_TOKEN {EXPIRATION}, or set new ones");
    Ok(Some(keys.with_source(format!("env:{ID}"), mend)))
}
