//! The login that Claude Code stored for itself. Its file is read where the user's own configuration says so, and never
//! written, refreshed or copied: it has an owner, and a second one would log the first one out.

use std::path::Path;

use claude_credential_config::{ClaudeLogin, Config};
use claude_credential_files::{Identity, Trust, read};
use claude_credential_protocol::{Auth, Credential, Error, Millis, Secret, TokenProblem, now, parse_token};
use serde::Deserialize;

use super::Asked;

/// What it writes is a few kilobytes.
const MAX_FILE: u64 = 1 << 20;

/// Without this scope a login is for something else than the API.
const SCOPE: &str = "user:inference";

/// The part of the file that is for us. The refresh token is not even named here.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Stored {
    claude_ai_oauth: Option<Login>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Login {
    access_token: Option<String>,
    expires_at: Option<Millis>,
    scopes: Option<Vec<String>>,
}

pub(crate) fn get(asked: &Asked<'_>) -> Result<Option<Credential>, Error> {
    let file = asked.folders.claude.join(".credentials.json");
    // Nothing to read, and so no question whether it may be.
    if !Identity::of(&file).exists() {
        return Ok(None);
    }
    if Config::load(asked.folders, asked.config)?.claude_login != ClaudeLogin::Read {
        return Ok(None);
    }
    let Some(bytes) = read(&file, Trust::Private, MAX_FILE)? else { return Ok(None) };
    login(&bytes, &file)
}

fn login(bytes: &[u8], file: &Path) -> Result<Option<Credential>, Error> {
    let shown = file.display();
    let stored = serde_json::from_slice::<Stored>(bytes).map_err(|error| {
        // Its own words quote the file.
        let (line, column) = (error.line(), error.column());
        Error::config(format!("{shown}:{line}:{column}: not what Claude Code writes; run: claude auth login"))
    })?;
    let Some(Login { access_token: Some(token), expires_at, scopes }) = stored.claude_ai_oauth else { return Ok(None) };
    let token = match parse_token(Secret::from(token).expose().as_bytes()) {
        Ok(token) => token,
        Err(TokenProblem::Empty) => return Ok(None),
        Err(problem) => return Err(Error::config(format!("the access token in {shown} is none: {problem}"))),
    };
    let expired = expires_at.is_some_and(|at| at <= now());
    if expired || !scopes.unwrap_or_default().iter().any(|scope| scope == SCOPE) {
        return Ok(None);
    }
    let mut credential = Credential::new(Auth::Bearer(token)).from_source("claude");
    // The wire has whole seconds; the second that it ends in does not count.
    credential.expires_at = expires_at.map(|at| at / 1000);
    Ok(Some(credential))
}
