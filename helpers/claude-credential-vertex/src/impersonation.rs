//! Service account impersonation: <https://google.aip.dev/auth/4112> and
//! <https://cloud.google.com/iam/docs/create-short-lived-credentials-direct>.

use claude_credential_config::SourceContext;
use claude_credential_http::{Body, Call};
use claude_credential_protocol::Error;
use serde_json::json;

use crate::error_response;
use crate::fields::Fields;
use crate::sources::AdcFile;
use crate::token::{Token, send_with_retry};

/// The scope of a token that is only used to impersonate.
pub(crate) const IAM_SCOPE: &str = "https://www.googleapis.com/auth/iam";

/// The default lifetime in seconds, and the longest without a change of policy.
const LIFETIME: u64 = 3600;

/// The credentials that impersonate: `source_credentials` of a file of that type.
pub(crate) fn source<'f>(file: &AdcFile, fields: &'f Fields) -> Result<&'f Fields, Error> {
    let source = file.require("source_credentials", fields.source_credentials.as_deref())?;
    if source.kind.as_deref() == Some("impersonated_service_account") {
        let mend = "put the first credentials of the chain there, and the other accounts into `delegates`";
        return Err(file.error(format!("its `source_credentials` are impersonated themselves; {mend}")));
    }
    // Checked before any request.
    url(file, fields)?;
    Ok(source)
}

/// Exchanges a token of the source credentials for one of the impersonated account.
pub(crate) fn exchange(
    context: &SourceContext<'_>,
    file: &AdcFile,
    fields: &Fields,
    source: &Token,
    scope: &str,
) -> Result<Token, Error> {
    let url = url(file, fields)?;
    let email = fields.impersonated().unwrap_or("another");
    let mut body = json!({ "scope": [scope], "lifetime": format!("{}s", fields.lifetime().unwrap_or(LIFETIME)) });
    if let Some(delegates) = fields.delegates.as_ref().filter(|delegates| !delegates.is_empty()) {
        body["delegates"] = delegates.as_slice().into();
    }
    let authorization = Some(format!("Bearer {}", source.secret.expose()).into());
    let call = Call { url, body: Body::Json(&body), authorization, ..Call::default() };
    let (answer, host) = (send_with_retry(context, &call)?, call.host());
    if answer.is_success() {
        Token::from_generated(&answer, &host)
    } else {
        Err(error_response::impersonation_refused(file, &answer, &host, email))
    }
}

/// The URL that returns tokens of the impersonated account.
pub(crate) fn url<'f>(file: &AdcFile, fields: &'f Fields) -> Result<&'f str, Error> {
    const NAME: &str = "service_account_impersonation_url";
    file.require_endpoint(NAME, file.require(NAME, fields.service_account_impersonation_url.as_deref())?)
}
