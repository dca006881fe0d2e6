//! The login that Claude Code stored for itself. Its file is read and never written, refreshed or copied: it has an owner,
//! and a second one would log the first one out.

use std::path::{Path, PathBuf};

use claude_credential_files::{FileError, Trust, read};
use claude_credential_protocol::{Error, Millis, Seconds, Secret, TokenProblem, parse_token};
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
    /// The access token.
    pub token: Secret,
    /// When its access token ends. The wire has whole seconds, so it is rounded down.
    pub expires_at: Option<Seconds>,
    /// The plan that pays, in the client's word.
    pub subscription: Option<String>,
}

/// The state of the login.
#[derive(Debug)]
pub enum LoginState {
    /// No file.
    Missing,
    /// A file, and no login in it.
    None,
    /// A login whose token the client emptied, as it does when the server ended it.
    Blank,
    /// Not what the client writes; line and column of the first error.
    Malformed(usize, usize),
    /// Its token is not valid as one.
    NoToken(TokenProblem),
    /// It lacks the scope for the API.
    WrongScopes,
    /// It is good, if its token has not expired.
    Usable(StoredLogin),
}

/// The part of the file that is read. The refresh token is left out on purpose.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialsFile {
    claude_ai_oauth: Option<OauthLogin>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OauthLogin {
    access_token: Option<Secret>,
    expires_at: Option<Millis>,
    scopes: Option<Vec<String>>,
    subscription_type: Option<String>,
}

/// The file in Claude Code's folder `claude`.
#[must_use]
pub fn login_file(claude: &Path) -> PathBuf {
    claude.join(".credentials.json")
}

impl LoginState {
    /// Reads the login in Claude Code's folder `claude`. The error is that of a file which is not the user's own.
    pub fn read(claude: &Path) -> Result<Self, FileError> {
        let file = login_file(claude);
        let Some(bytes) = read(&file, Trust::Private, MAX_FILE)? else { return Ok(Self::Missing) };
        let stored = match serde_json::from_slice::<CredentialsFile>(&bytes) {
            Ok(stored) => stored.claude_ai_oauth,
            // serde's message would quote the file.
            Err(error) => return Ok(Self::Malformed(error.line(), error.column())),
        };
        let Some(OauthLogin { access_token: Some(token), expires_at, scopes, subscription_type }) = stored else {
            return Ok(Self::None);
        };
        Ok(match parse_token(token.expose().as_bytes()) {
            Err(TokenProblem::Empty) => Self::Blank,
            Err(problem) => Self::NoToken(problem),
            Ok(_) if !scopes.unwrap_or_default().iter().any(|scope| scope == SCOPE) => Self::WrongScopes,
            Ok(token) => {
                let expires_at = expires_at.map(|at| at / 1000);
                Self::Usable(StoredLogin { file, token, expires_at, subscription: subscription_type })
            }
        })
    }
}

/// The login in Claude Code's folder `claude`; `None` if there is none that can be used for the API.
pub fn stored_login(claude: &Path) -> Result<Option<StoredLogin>, Error> {
    let shown = || login_file(claude).display().to_string();
    match LoginState::read(claude)? {
        LoginState::Usable(login) => Ok(Some(login)),
        LoginState::Missing | LoginState::None | LoginState::Blank | LoginState::WrongScopes => Ok(None),
        LoginState::Malformed(line, column) => Err(Error::config(format!(
            "{}:{line}:{column}: not what Claude Code writes; run: claude auth login",
            shown()
        ))),
        LoginState::NoToken(problem) => {
            Err(Error::config(format!("the access token in {} is none: {problem}", shown())))
        }
    }
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
        let (token, subscription) = ("CANARY".into(), Some("max".to_owned()));
        let max = StoredLogin { file: file.clone(), token, expires_at: Some(5), subscription };
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
