use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use claude_credential_protocol::{Seconds, Secret};

/// AWS credentials and what messages say about them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    /// `None` for long-lived keys.
    pub(crate) session_token: Option<Secret>,
    pub(crate) expires_at: Option<Seconds>,
    /// Where they came from.
    pub(crate) source: String,
    /// The account or role that they belong to.
    pub(crate) account: Option<String>,
    /// Their region, if the source knows it.
    pub(crate) region: Option<String>,
    /// The MFA device that AWS requires for a session.
    pub(crate) mfa_serial: Option<String>,
    /// Whether they come from variables, so that they need not be cached.
    pub(crate) ephemeral: bool,
    /// What the user can do if AWS rejects them.
    pub(crate) mend: String,
}

impl Keys {
    /// Long-lived keys, with no further details.
    pub(crate) fn new(access_key_id: impl Into<String>, secret_access_key: Secret) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key, ..Self::default() }
    }

    /// Sets where they came from and what to do if AWS rejects them.
    pub(crate) fn with_source(mut self, source: impl Into<String>, mend: impl Into<String>) -> Self {
        (self.source, self.mend) = (source.into(), mend.into());
        self
    }

    /// The type that AWS's SDK signs with.
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
