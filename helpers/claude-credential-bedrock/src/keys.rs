use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use claude_credential_protocol::{Seconds, Secret};

/// AWS credentials, with what people are told of them.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    /// Absent for long-lived keys.
    pub(crate) session_token: Option<Secret>,
    pub(crate) expires_at: Option<Seconds>,
    /// Where they are from.
    pub(crate) source: String,
    /// Whose they are.
    pub(crate) account: Option<String>,
    /// Where they belong, if the source knows it.
    pub(crate) region: Option<String>,
    /// The second factor without which AWS gives no session for them.
    pub(crate) mfa_serial: Option<String>,
    /// They stand in variables: nobody need keep them.
    pub(crate) ephemeral: bool,
    /// What the user does when AWS refuses them.
    pub(crate) mend: String,
}

impl Keys {
    /// Long-lived keys, of which nothing further is known.
    pub(crate) fn new(access_key_id: impl Into<String>, secret_access_key: Secret) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key,
            session_token: None,
            expires_at: None,
            source: String::new(),
            account: None,
            region: None,
            mfa_serial: None,
            ephemeral: false,
            mend: String::new(),
        }
    }

    /// With where they are from, and what mends them when they are refused.
    pub(crate) fn with_source(mut self, source: impl Into<String>, mend: impl Into<String>) -> Self {
        (self.source, self.mend) = (source.into(), mend.into());
        self
    }

    /// As AWS's own libraries sign with them.
    pub(crate) fn to_sdk(&self) -> Credentials {
        let expiry = self.expires_at.map(|at| UNIX_EPOCH + Duration::from_secs(at));
        let token = self.session_token.as_ref().map(|token| token.expose().to_owned());
        Credentials::new(
            self.access_key_id.as_str(),
            self.secret_access_key.expose(),
            token,
            expiry,
            "claude-credential",
        )
    }
}
