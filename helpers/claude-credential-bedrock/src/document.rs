//! The JSON documents in which AWS's tools and services return credentials. Errors name line and column only, because
//! the content is secret.

use aws_smithy_types::date_time::{DateTime, Format};
use claude_credential_protocol::{Seconds, text};
use serde::Deserialize;

use crate::keys::Keys;

/// The `Code` that services return in place of credentials.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeDocument {
    code: Option<String>,
}

/// `{"Credentials": {…}}`, as `aws sts` prints it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OuterDocument {
    credentials: Option<CredentialsDocument>,
}

/// What `credential_process` prints, and, with `Token`, what the container and instance services return.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialsDocument {
    version: Option<u64>,
    access_key_id: String,
    secret_access_key: String,
    #[serde(alias = "Token")]
    session_token: Option<String>,
    expiration: Option<String>,
    account_id: Option<String>,
}

/// Parses either form. The error says what is wrong with it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Keys, String> {
    let unclear = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Data => format!("has no AWS credentials at line {}", error.line()),
        _ => format!("is not JSON at line {} column {}", error.line(), error.column()),
    };
    let service: CodeDocument = serde_json::from_slice(bytes).map_err(unclear)?;
    if let Some(code) = service.code.filter(|code| code != "Success") {
        return Err(format!("has no AWS credentials and says {}", text::one_line(&code)));
    }
    let flat = match serde_json::from_slice::<OuterDocument>(bytes).map_err(unclear)?.credentials {
        Some(inner) => inner,
        None => serde_json::from_slice(bytes).map_err(unclear)?,
    };
    if flat.version.is_some_and(|version| version != 1) {
        return Err("is of a version other than 1".to_owned());
    }
    if flat.access_key_id.is_empty() || flat.secret_access_key.is_empty() {
        return Err("has an empty key".to_owned());
    }
    let parts = [Some(&flat.access_key_id), Some(&flat.secret_access_key), flat.session_token.as_ref()];
    if parts.into_iter().flatten().any(|part| !part.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Err("has a key with invalid characters".to_owned());
    }
    let expires_at = match flat.expiration.as_deref() {
        None | Some("") => None,
        Some(text) => Some(time(text).ok_or("has an Expiration that is not an ISO 8601 time")?),
    };
    Ok(Keys {
        session_token: flat.session_token.filter(|token| !token.is_empty()).map(Into::into),
        expires_at,
        account: flat.account_id,
        ..Keys::new(flat.access_key_id, flat.secret_access_key.into())
    })
}

/// Parses ISO 8601 with any offset. Early AWS tools wrote `UTC` for `Z`.
pub(crate) fn time(text: &str) -> Option<Seconds> {
    let text = text.strip_suffix("UTC").map_or_else(|| text.to_owned(), |time| format!("{time}Z"));
    let time = DateTime::from_str(&text, Format::DateTimeWithOffset).ok()?;
    u64::try_from(time.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::{parse, time};

    #[test]
    fn all_three_forms_are_read() {
        for (form, token) in [
            (r#"{"Credentials":{"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T"}}"#, Some("T")),
            (r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"S","SessionToken":"T"}"#, Some("T")),
            (r#"{"Code":"Success","AccessKeyId":"A","SecretAccessKey":"S","Token":"T"}"#, Some("T")),
            (r#"{"AccessKeyId":"A","SecretAccessKey":"S"}"#, None),
        ] {
            let keys = parse(form.as_bytes()).unwrap();
            assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.expose()), ("A", "S"));
            assert_eq!(keys.session_token.as_ref().map(claude_credential_protocol::Secret::expose), token);
        }
    }

    #[test]
    fn nothing_of_a_broken_document_is_repeated() {
        for broken in [
            "CANARY",
            r#"{"Credentials":"CANARY"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":["CANARY"]}"#,
            r#"{"AccessKeyId":"CANARY"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":"CANARY","Version":2}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":"CANARY","Expiration":"CANARY"}"#,
            r#"{"AccessKeyId":"","SecretAccessKey":"CANARY"}"#,
            r#"{"AccessKeyId":"A","SecretAccessKey":"CANARY\nB"}"#,
            r#"{"Code":"AssumeRoleUnauthorizedAccess","AccessKeyId":"A","SecretAccessKey":"CANARY"}"#,
            "",
        ] {
            let said = parse(broken.as_bytes()).unwrap_err();
            assert!(!said.contains("CANARY"), "{broken}: {said}");
        }
    }

    #[test]
    fn times_are_read_as_the_tools_of_aws_write_them() {
        for text in ["2026-08-01T09:30:00Z", "2026-08-01T11:30:00+02:00", "2026-08-01T09:30:00UTC"] {
            assert_eq!(time(text), Some(1_785_576_600), "{text}");
        }
        for text in ["yesterday", "1785576600", "1960-01-01T00:00:00Z"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
