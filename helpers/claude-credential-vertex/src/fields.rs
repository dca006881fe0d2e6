//! The fields of a credentials file: <https://google.aip.dev/auth/4110>, 4112, 4113, 4117.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use claude_credential_config::cloud::GOOGLE;
use claude_credential_protocol::Secret;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The fields of all types. All are optional: a missing one is reported when it is needed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    #[serde(deserialize_with = "if_text")]
    pub(crate) project_id: Option<String>,
    #[serde(deserialize_with = "if_text")]
    pub(crate) quota_project_id: Option<String>,
    universe_domain: Option<String>,

    pub(crate) client_email: Option<String>,
    pub(crate) private_key: Option<Secret>,
    #[serde(deserialize_with = "if_text")]
    pub(crate) private_key_id: Option<String>,
    pub(crate) token_uri: Option<String>,

    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,

    pub(crate) audience: Option<String>,
    pub(crate) subject_token_type: Option<String>,
    pub(crate) token_url: Option<String>,
    #[serde(deserialize_with = "if_text")]
    pub(crate) workforce_pool_user_project: Option<String>,
    pub(crate) credential_source: Option<CredentialSource>,

    pub(crate) service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<Impersonation>,
    pub(crate) source_credentials: Option<Box<Fields>>,
    pub(crate) delegates: Option<Vec<String>>,
}

/// A field that tokens are good without: text, or a number as text. What else is there does not count.
fn if_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// The source of an external account's subject token. One kind of source is set.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CredentialSource {
    pub(crate) file: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) headers: Option<BTreeMap<String, String>>,
    pub(crate) format: Option<Format>,
    pub(crate) executable: Option<Executable>,
    pub(crate) environment_id: Option<String>,
    pub(crate) region_url: Option<String>,
    pub(crate) regional_cred_verification_url: Option<String>,
    pub(crate) imdsv2_session_token_url: Option<String>,
    pub(crate) certificate: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Format {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) subject_token_field_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Executable {
    pub(crate) command: Option<String>,
    pub(crate) timeout_millis: Option<u64>,
    pub(crate) output_file: Option<String>,
}

#[derive(Deserialize)]
struct Impersonation {
    token_lifetime_seconds: Option<u64>,
}

impl Fields {
    /// The universe domain of the credentials.
    pub(crate) fn universe(&self) -> &str {
        let source = || self.source_credentials.as_deref().and_then(|source| source.universe_domain.as_deref());
        self.universe_domain.as_deref().or_else(source).filter(|domain| !domain.is_empty()).unwrap_or(GOOGLE)
    }

    /// The requested lifetime for a token of an impersonated service account.
    pub(crate) fn lifetime(&self) -> Option<u64> {
        self.service_account_impersonation.as_ref().and_then(|options| options.token_lifetime_seconds)
    }

    /// The impersonated service account, from the URL that returns its tokens.
    pub(crate) fn impersonated(&self) -> Option<&str> {
        let url = self.service_account_impersonation_url.as_deref()?;
        email(url.strip_suffix(":generateAccessToken")?)
    }

    /// The delegates and the impersonated service account in the form of gcloud's option; `None` if one has no valid
    /// e-mail.
    pub(crate) fn chain(&self) -> Option<String> {
        let delegates = self.delegates.iter().flatten().map(|delegate| email(delegate));
        Some(delegates.chain([self.impersonated()]).collect::<Option<Vec<_>>>()?.join(","))
    }

    /// The account that the tokens belong to.
    pub(crate) fn account(&self) -> Option<&str> {
        self.impersonated().or(self.client_email.as_deref())
    }

    /// The client's `Authorization` header, if it has an ID. As in Google's own libraries, its parts are not
    /// form-encoded, as RFC 6749 wants them.
    pub(crate) fn client_authorization(&self) -> Option<Secret> {
        let id = self.client_id.as_deref()?;
        let secret = self.client_secret.as_ref().map(Secret::expose).unwrap_or_default();
        Some(format!("Basic {}", BASE64_STANDARD.encode(Secret::from(format!("{id}:{secret}")).expose())).into())
    }
}

/// The e-mail at the end of a service account's name. `None` if it has characters that Google's names don't have: it
/// goes into commands that users paste.
fn email(name: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".@_-".contains(&byte);
    name.rsplit('/').next().filter(|email| email.contains('@') && email.bytes().all(plain))
}
