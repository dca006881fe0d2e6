//! Identities from elsewhere, which are exchanged for one of Google's: <https://google.aip.dev/auth/4117>.

mod aws;
mod executable;
mod file;
pub(crate) mod person;
mod sigv4;
mod url;

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use claude_credential_http::{Body, Call};
use claude_credential_protocol::{Error, Secret};
use serde_json::{Value, json};

use crate::answer::{Token, insist};
use crate::fields::{CredentialSource, Fields, Format};
use crate::grants::{IAM_SCOPE, impersonation};
use crate::refusal;
use crate::sources::{Asked, File};

/// RFC 8693.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// No token of anybody's is longer; a SAML response may be long.
pub(crate) const MAX_SUBJECT: u64 = 1 << 20;

pub(crate) fn token(asked: &Asked<'_>, file: &File, fields: &Fields, scope: &str) -> Result<Token, Error> {
    if fields.service_account_impersonation_url.is_none() {
        return exchange(asked, file, fields, scope);
    }
    impersonation::url(file, fields)?;
    let source = exchange(asked, file, fields, IAM_SCOPE)?;
    impersonation::exchange(asked, file, fields, &source, scope)
}

fn exchange(asked: &Asked<'_>, file: &File, fields: &Fields, scope: &str) -> Result<Token, Error> {
    let standard = format!("https://sts.{}/v1/token", fields.universe());
    let url = file.endpoint("token_url", fields.token_url.as_deref().unwrap_or(&standard))?;
    let audience = file.need("audience", fields.audience.as_deref())?;
    let subject_type = file.need("subject_token_type", fields.subject_token_type.as_deref())?;
    let subject = subject(asked, file, fields)?;
    let mut form = vec![
        ("grant_type", GRANT),
        ("audience", audience),
        ("scope", scope),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", subject.expose()),
        ("subject_token_type", subject_type),
    ];
    let authorization = client(fields);
    let user_project = fields.workforce_pool_user_project.as_deref().filter(|_| authorization.is_none());
    // Quoted within the form, which quotes it once more: so it is documented.
    let options = user_project.map(|project| quoted(&json!({ "userProject": project }).to_string(), "/"));
    form.extend(options.as_deref().map(|options| ("options", options)));
    let call = Call { url, body: Body::Form(&form), authorization, ..Call::default() };
    let (answer, host) = (insist(asked, &call)?, call.host());
    if answer.is_success() { Token::given(&answer, &host) } else { Err(refusal::of_subject(file, &answer, &host)) }
}

/// The token that is exchanged.
fn subject(asked: &Asked<'_>, file: &File, fields: &Fields) -> Result<Secret, Error> {
    let source = file.need("credential_source", fields.credential_source.as_ref())?;
    match source {
        CredentialSource { executable: Some(executable), .. } => executable::subject(asked, file, fields, executable),
        CredentialSource { environment_id: Some(id), .. } => aws::subject(asked, file, fields, source, id),
        CredentialSource { certificate: Some(_), .. } => Err(Error::config(format!(
            "{}: a credential source with a `certificate` (X.509) is not supported; use one with `file`, `url` or \
             `executable`",
            file.shown
        ))),
        CredentialSource { file: Some(path), .. } => file::subject(file, path, source.format.as_ref()),
        CredentialSource { url: Some(url), .. } => url::subject(asked, file, source, url),
        _ => Err(Error::config(format!(
            "{}: its `credential_source` has none of `file`, `url`, `executable` and `environment_id`; get the file anew",
            file.shown
        ))),
    }
}

/// A token as a file or a URL has it: as it is, or in a field of JSON. `place` is where.
fn formatted(file: &File, place: &str, bytes: &[u8], format: Option<&Format>) -> Result<Secret, Error> {
    let wrong = |what: String| Error::config(format!("{}: {place} {what}", file.shown));
    let text = |text: &str| {
        let text = text.trim();
        if text.is_empty() { Err(wrong("holds no token".to_owned())) } else { Ok(Secret::from(text)) }
    };
    match format.and_then(|format| format.kind.as_deref()).unwrap_or("text") {
        "text" => text(std::str::from_utf8(bytes).map_err(|_| wrong("holds no text".to_owned()))?),
        "json" => {
            let name = format.and_then(|format| format.subject_token_field_name.as_deref());
            let name = file.need("subject_token_field_name", name)?;
            let value: Value = serde_json::from_slice(bytes)
                .map_err(|error| wrong(format!("holds no JSON: line {}:{}", error.line(), error.column())))?;
            text(value[name].as_str().ok_or_else(|| wrong(format!("has no text `{name}` in its JSON")))?)
        }
        _ => Err(Error::config(format!("{}: its `format` is neither text nor json; mend it there", file.shown))),
    }
}

/// Who asks, where that matters: as Google's own libraries write it, which is not quite as the standard does.
fn client(fields: &Fields) -> Option<Secret> {
    let id = fields.client_id.as_deref()?;
    let secret = fields.client_secret.as_ref().map(Secret::expose).unwrap_or_default();
    Some(format!("Basic {}", BASE64_STANDARD.encode(Secret::from(format!("{id}:{secret}")).expose())).into())
}

/// `text` as it stands in a URL. What is in `safe` stays, besides what always does.
pub(crate) fn quoted(text: &str, safe: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut quoted, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || safe.as_bytes().contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            let _ = write!(quoted, "%{byte:02X}");
        }
        quoted
    })
}
