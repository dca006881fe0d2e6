//! External accounts, whose tokens are exchanged for Google's: <https://google.aip.dev/auth/4117>.

mod aws;
mod executable;
mod file;
mod format;
mod sigv4;
mod url;
pub(crate) mod workforce;

use claude_credential_config::SourceContext;
use claude_credential_http::{Body, Call};
use claude_credential_protocol::{Error, Secret};
use serde_json::json;

use crate::encoding::percent_encoded;
use crate::error_response;
use crate::fields::{CredentialSource, Fields};
use crate::impersonation::{self, IAM_SCOPE};
use crate::sources::AdcFile;
use crate::token::{Token, send_with_retry};

/// RFC 8693.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

pub(crate) fn token(context: &SourceContext<'_>, file: &AdcFile, fields: &Fields, scope: &str) -> Result<Token, Error> {
    if fields.service_account_impersonation_url.is_none() {
        return exchange(context, file, fields, scope);
    }
    impersonation::url(file, fields)?;
    let source = exchange(context, file, fields, IAM_SCOPE)?;
    impersonation::exchange(context, file, fields, &source, scope)
}

fn exchange(context: &SourceContext<'_>, file: &AdcFile, fields: &Fields, scope: &str) -> Result<Token, Error> {
    let standard = format!("https://sts.{}/v1/token", fields.universe());
    let url = file.require_endpoint("token_url", fields.token_url.as_deref().unwrap_or(&standard))?;
    let audience = file.require("audience", fields.audience.as_deref())?;
    let subject_type = file.require("subject_token_type", fields.subject_token_type.as_deref())?;
    let subject = subject(context, file, fields)?;
    let mut form = vec![
        ("grant_type", GRANT),
        ("audience", audience),
        ("scope", scope),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", subject.expose()),
        ("subject_token_type", subject_type),
    ];
    let authorization = fields.client_authorization();
    let user_project = fields.workforce_pool_user_project.as_deref().filter(|_| authorization.is_none());
    // Percent-encoded twice, here and by the form, as documented.
    let options = user_project.map(|project| percent_encoded(&json!({ "userProject": project }).to_string(), "/"));
    form.extend(options.as_deref().map(|options| ("options", options)));
    let call = Call { url, body: Body::Form(&form), authorization, ..Call::default() };
    let (answer, host) = (send_with_retry(context, &call)?, call.host());
    if answer.is_success() {
        Token::from_response(&answer, &host)
    } else {
        Err(error_response::subject_refused(file, &answer, &host))
    }
}

/// The subject token.
fn subject(context: &SourceContext<'_>, file: &AdcFile, fields: &Fields) -> Result<Secret, Error> {
    let source = file.require("credential_source", fields.credential_source.as_ref())?;
    match source {
        CredentialSource { executable: Some(executable), .. } => executable::subject(context, file, fields, executable),
        CredentialSource { environment_id: Some(id), .. } => aws::subject(context, file, fields, source, id),
        CredentialSource { certificate: Some(_), .. } => Err(file.error(
            "a credential source with a `certificate` (X.509) is not supported; use one with `file`, `url` or \
             `executable`",
        )),
        CredentialSource { file: Some(path), .. } => file::subject(file, path, source.format.as_ref()),
        CredentialSource { url: Some(url), .. } => url::subject(context, file, source, url),
        _ => Err(file.error(
            "its `credential_source` has none of `file`, `url`, `executable` and `environment_id`; get the file anew",
        )),
    }
}
