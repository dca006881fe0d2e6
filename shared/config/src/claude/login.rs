//! The login that Claude Code stored for itself: that it is there and until when. Its tokens are not kept from here.

use std::path::{Path, PathBuf};

use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Error, Millis, Seconds, Secret};
use serde::Deserialize;

/// What it writes is a few kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// Without this scope a login is for something else than the API.
const SCOPE: &str = "user:inference";

/// A login that the client would use, and renew by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLogin {
    /// Where it is.
    pub file: PathBuf,
    /// When its access token ends.
    pub expires_at: Option<Seconds>,
    /// The plan that pays, in the client's word.
    pub subscription: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialsFile {
    claude_ai_oauth: Option<OauthLogin>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OauthLogin {
    access_token: Option<String>,
    expires_at: Option<Millis>,
    scopes: Vec<String>,
    subscription_type: Option<String>,
}

/// The login in Claude Code's folder `claude`; `None` if there is none that can be used for the API.
pub fn stored_login(claude: &Path) -> Result<Option<StoredLogin>, Error> {
    let file = claude.join(".credentials.json");
    let Some(bytes) = read(&file, Trust::Private, MAX_FILE)? else { return Ok(None) };
    let stored: CredentialsFile = serde_json::from_slice(&bytes).map_err(|error| {
        // Its own words quote the file.
        let (file, line, column) = (file.display(), error.line(), error.column());
        Error::config(format!("{file}:{line}:{column}: not what Claude Code writes; run: claude auth login"))
    })?;
    let Some(OauthLogin { access_token: Some(token), expires_at, scopes, subscription_type }) = stored.claude_ai_oauth
    else {
        return Ok(None);
    };
    // The client empties it when the server ended the login.
    let is_blank = Secret::from(token).expose().trim().is_empty();
    if is_blank || !scopes.iter().any(|scope| scope == SCOPE) {
        return Ok(None);
    }
    Ok(Some(StoredLogin { file, expires_at: expires_at.map(|at| at / 1000), subscription: subscription_type }))
}

#[cfg(test)]
mod tests {
    use super::{StoredLogin, stored_login};
    use crate::claude::tests::home;

    #[test]
    fn a_login_counts_if_it_has_a_token_for_the_api() {
        let (_home, folders) = home();
        let file = folders.claude.join(".credentials.json");
        let found = || stored_login(&folders.claude);
        assert_eq!(found().unwrap(), None);
        let write = |text: &str| claude_credential_files::replace(&file, text.as_bytes()).unwrap();
        write(
            r#"{"claudeAiOauth":{"accessToken":"CANARY","expiresAt":5000,"scopes":["user:inference"],"subscriptionType":"max"}}"#,
        );
        let max = StoredLogin { file: file.clone(), expires_at: Some(5), subscription: Some("max".to_owned()) };
        assert_eq!(found().unwrap(), Some(max));
        for none in [
            r#"{"claudeAiOauth":{"accessToken":"","scopes":["user:inference"]}}"#,
            r#"{"claudeAiOauth":{"accessToken":"CANARY","scopes":["user:profile"]}}"#,
            "{}",
        ] {
            write(none);
            assert_eq!(found().unwrap(), None, "{none}");
        }
        write("{\"claudeAiOauth\":CANARY}");
        let error = found().unwrap_err().to_string();
        assert!(error.contains(".credentials.json:1:") && !error.contains("CANARY"), "{error}");
    }
}
