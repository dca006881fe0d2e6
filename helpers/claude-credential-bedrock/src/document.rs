//! The JSON documents in which AWS's tools and services return credentials. Errors name line and column only, because
//! the content is secret.

use claude_credential_protocol::{Seconds, text};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::keys::Keys;

/// The `Code` that services return in place of credentials.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeDocument {
    #[serde(default, deserialize_with = "if_text")]
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
    #[serde(default, deserialize_with = "if_text")]
    account_id: Option<String>,
}

/// A field that keys are good without: text, or a number as text. What else is there does not count.
fn if_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Parses either form. The error says what is wrong with it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Keys, String> {
    let unclear = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Data => format!("has no AWS credentials at line {}", error.line()),
        _ => format!("is not JSON at line {} column {}", error.line(), error.column()),
    };
    let service: CodeDocument = serde_json::from_slice(bytes).map_err(unclear)?;
    if let Some(code) = service.code.filter(|code| code != "Success" && !code.bytes().all(|byte| byte.is_ascii_digit()))
    {
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

/// Parses ISO 8601 in every form that the AWS CLI or the SDK for JavaScript takes: with any offset, with a blank for `T`,
/// without seconds, and the basic form. A time without an offset is one in UTC, as all of AWS's are.
pub(crate) fn time(text: &str) -> Option<Seconds> {
    // Early AWS tools wrote `UTC` for `Z`.
    let text = text.trim();
    let text = text.strip_suffix("UTC").map_or_else(|| text.to_owned(), |time| format!("{}Z", time.trim_end()));
    let seconds = text.parse::<Timestamp>().map(Timestamp::as_second).ok().or_else(|| {
        let (_, clock) = text.split_once(['T', 't', ' '])?;
        let is_local = clock.bytes().all(|byte| byte.is_ascii_digit() || b":.,".contains(&byte));
        let zoned = text.parse::<DateTime>().ok().filter(|_| is_local)?.to_zoned(TimeZone::UTC).ok()?;
        Some(zoned.timestamp().as_second())
    });
    u64::try_from(seconds?).ok()
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
    fn fields_that_keys_are_good_without_may_be_anything() {
        for (more, account) in [
            (r#""AccountId":123456789012"#, Some("123456789012")),
            (r#""AccountId":{"id":1},"Code":200"#, None),
            (r#""AccountId":null,"Code":null"#, None),
        ] {
            let form = format!(r#"{{"AccessKeyId":"A","SecretAccessKey":"S",{more}}}"#);
            assert_eq!(parse(form.as_bytes()).unwrap().account.as_deref(), account, "{form}");
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
        for text in [
            "2026-08-01T09:30:00Z",
            "2026-08-01T11:30:00+02:00",
            "2026-08-01T09:30:00UTC",
            "2026-08-01T09:30:00.123Z",
            "2026-08-01T09:30:00+0000",
            "2026-08-01T04:30:00-0500",
            "2026-08-01T09:30Z",
            "2026-08-01T10:30:00+01",
            "20260801T093000Z",
            "20260801T113000+0200",
            "2026-08-01 09:30:00+00:00",
            "2026-08-01 09:30:00Z",
            "2026-08-01T09:30:00",
        ] {
            assert_eq!(time(text), Some(1_785_576_600), "{text}");
        }
        for text in
            ["yesterday", "1785576600", "1960-01-01T00:00:00Z", "2026-08-01T09:30:00+99:99", "2026-13-01T09:30:00Z", ""]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
