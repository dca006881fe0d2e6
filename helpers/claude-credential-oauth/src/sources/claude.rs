//! The login that Claude Code stored for itself. Its file is read where the user's own configuration says so, and never
//! written, refreshed or copied: it has an owner, and a second one would log the first one out.

use std::path::Path;

use claude_credential_config::{ClaudeLogin, SourceContext};
use claude_credential_files::{FileError, Identity, Trust, read};
use claude_credential_protocol::{Auth, Credential, Error, Millis, Seconds, Secret, TokenProblem, now, parse_token};
use serde::Deserialize;

use crate::anthropic::HEADER;

/// The longest file that is read; Claude Code writes a few kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// The scope without which a login can't use the API.
const SCOPE: &str = "user:inference";

/// The part of the file that is read. The refresh token is left out on purpose.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CredentialsFile {
    claude_ai_oauth: Option<OauthSection>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OauthSection {
    access_token: Option<String>,
    expires_at: Option<Millis>,
    scopes: Option<Vec<String>>,
}

/// The state of the login.
#[derive(Debug)]
pub(crate) enum LoginState {
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
    /// Its token expired at that time.
    Expired(Seconds),
    Good(Box<Credential>),
}

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let file = context.folders.claude.join(".credentials.json");
    // Without a file the configuration is not loaded.
    if context.request.username.is_some() || !Identity::of(&file).exists() {
        return Ok(None);
    }
    if context.config()?.claude_login != ClaudeLogin::Read {
        return Ok(None);
    }
    let shown = file.display();
    match read_login(&file)? {
        LoginState::Good(credential) => {
            Ok(Some(Credential { headers: vec![HEADER.to_owned()], ..credential.ephemeral() }))
        }
        LoginState::Missing
        | LoginState::None
        | LoginState::Blank
        | LoginState::WrongScopes
        | LoginState::Expired(_) => Ok(None),
        LoginState::Malformed(line, column) => {
            Err(Error::config(format!("{shown}:{line}:{column}: not what Claude Code writes; run: claude auth login")))
        }
        LoginState::NoToken(problem) => Err(Error::config(format!("the access token in {shown} is none: {problem}"))),
    }
}

/// Reads the file. The error is that of a file which is not the user's own.
pub(crate) fn read_login(file: &Path) -> Result<LoginState, FileError> {
    let Some(bytes) = read(file, Trust::Private, MAX_FILE)? else { return Ok(LoginState::Missing) };
    Ok(login(&bytes))
}

fn login(bytes: &[u8]) -> LoginState {
    let stored = match serde_json::from_slice::<CredentialsFile>(bytes) {
        Ok(stored) => stored,
        // serde's message would quote the file.
        Err(error) => return LoginState::Malformed(error.line(), error.column()),
    };
    let Some(OauthSection { access_token: Some(token), expires_at, scopes }) = stored.claude_ai_oauth else {
        return LoginState::None;
    };
    let token = match parse_token(Secret::from(token).expose().as_bytes()) {
        Ok(token) => token,
        Err(TokenProblem::Empty) => return LoginState::Blank,
        Err(problem) => return LoginState::NoToken(problem),
    };
    if !scopes.unwrap_or_default().iter().any(|scope| scope == SCOPE) {
        return LoginState::WrongScopes;
    }
    if let Some(at) = expires_at.filter(|at| *at <= now()) {
        return LoginState::Expired(at / 1000);
    }
    let mut credential = Credential::new(Auth::Bearer(token)).from_source("claude");
    // The wire has whole seconds, so round down.
    credential.expires_at = expires_at.map(|at| at / 1000);
    LoginState::Good(Box::new(credential))
}
