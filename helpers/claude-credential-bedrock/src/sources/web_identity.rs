use claude_credential_protocol::{Error, text};

use crate::aws::sts::{self, WebIdentity};
use crate::keys::Keys;
use crate::source_context::SourceContext;

const ROLE: &str = "AWS_ROLE_ARN";
const FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// A role that is assumed with a token in a file, as on Kubernetes and CI runners
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html>).
pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    let Some(file) = context.environment.get(FILE)? else { return Ok(None) };
    let role_arn = context.environment.get(ROLE)?;
    let role_arn = role_arn.ok_or_else(|| Error::config(format!("{FILE} is set and {ROLE} is not; set both")))?;
    let session_name = context.environment.get("AWS_ROLE_SESSION_NAME")?;
    let keys = sts::with_web_identity(context, &WebIdentity { role_arn, file, session_name, duration: None })?;
    Ok(Some(keys.with_source(format!("env:{FILE}"), format!("renew the token in {}", text::shown(file)))))
}
