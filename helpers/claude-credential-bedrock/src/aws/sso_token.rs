//! The token of an SSO session, in the file of AWS's own tools.

use std::path::{Path, PathBuf};

use claude_credential_files::{Trust, read, replace_durably};
use claude_credential_protocol::{Error, Seconds, Secret, iso_8601, now};
use rustix::fs::{Access, access};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::document;

const MAX_FILE: u64 = 1 << 20;

/// A token that expires within this time is renewed first, as AWS's tools do.
const REFRESH_BEFORE: Seconds = 300;

/// A token and the rest of its file, which is written back unchanged for other tools.
pub(super) struct SsoToken {
    path: PathBuf,
    document: Map<String, Value>,
    pub(super) access_token: Secret,
    expires_at: Seconds,
}

/// What a renewal needs.
pub(super) struct RefreshGrant {
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) refresh_token: Secret,
}

impl SsoToken {
    /// `None` if the file does not exist or has no token.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Error> {
        // AWS's tools write the file, so its mode is their business.
        let Some(bytes) = read(path, Trust::Unchecked, MAX_FILE)? else { return Ok(None) };
        let Ok(Value::Object(document)) = serde_json::from_slice(&bytes) else { return Ok(None) };
        let text = |key| document.get(key).and_then(Value::as_str);
        let token = text("accessToken").map(Secret::from).zip(text("expiresAt").and_then(document::time));
        Ok(token.map(|(access_token, expires_at)| Self { path: path.to_owned(), document, access_token, expires_at }))
    }

    pub(super) fn is_expired(&self) -> bool {
        self.expires_at <= now() / 1000
    }

    pub(super) fn needs_refresh(&self) -> bool {
        self.expires_at <= now() / 1000 + REFRESH_BEFORE
    }

    /// `None` if the token can't be renewed: it has the old format, or the client's registration has expired.
    pub(super) fn grant(&self) -> Option<RefreshGrant> {
        let text = |key| self.document.get(key).and_then(Value::as_str);
        let registered = text("registrationExpiresAt").and_then(document::time)? > now() / 1000;
        registered.then_some(())?;
        Some(RefreshGrant {
            client_id: text("clientId")?.to_owned(),
            client_secret: text("clientSecret")?.into(),
            refresh_token: text("refreshToken")?.into(),
        })
    }

    /// Fails if a new token could not be stored: renewing would use up the old one.
    pub(super) fn can_be_replaced(&self) -> Result<(), Error> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
            Error::config(format!(
                "{} is not writable ({error}), and the SSO token in it has to be renewed; make it writable",
                folder.display()
            ))
        })
    }

    /// The renewed token. It is stored before its first use, because the old refresh token may no longer work.
    pub(super) fn renewed(
        mut self,
        access_token: &str,
        refresh_token: Option<&str>,
        lives: Seconds,
    ) -> Result<Self, Error> {
        self.access_token = access_token.into();
        self.expires_at = now() / 1000 + lives;
        let mut set = |key: &str, value: &str| self.document.insert(key.to_owned(), value.into());
        set("accessToken", access_token);
        set("expiresAt", &iso_8601(self.expires_at));
        if let Some(refresh_token) = refresh_token {
            set("refreshToken", refresh_token);
        }
        let bytes = Zeroizing::new(serde_json::to_vec(&self.document).unwrap_or_default());
        replace_durably(&self.path, &bytes)?;
        Ok(self)
    }
}
