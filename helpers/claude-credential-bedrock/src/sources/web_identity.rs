use claude_credential_protocol::{Error, text};

use crate::aws::sts;
use crate::keys::Keys;
use crate::profile::WebIdentity;
use crate::source_context::SourceContext;

const ROLE: &str = "AWS_ROLE_ARN";
const FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// A role that is assumed with a token in a file, as on Kubernetes and CI runners
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/access-assume-role-web.html>).
pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    let variable = |name| Ok::<_, Error>(context.environment.get(name)?.map(str::to_owned));
    let Some(file) = variable(FILE)? else { return Ok(None) };
    let role_arn = variable(ROLE)?;
    let role_arn = role_arn.ok_or_else(|| Error::config(format!("{FILE} is set and {ROLE} is not; set both")))?;
    let mend = format!("renew the token in {}", text::shown(&file));
    let session_name = variable("AWS_ROLE_SESSION_NAME")?;
    let keys = sts::with_web_identity(context, &WebIdentity { role_arn, file, session_name, duration: None })?;
    Ok(Some(keys.with_source(format!("env:{FILE}"), mend)))
}
