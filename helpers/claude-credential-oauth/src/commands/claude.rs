//! The status of Claude Code's own login. Its file is read, and nothing of it stored.

use std::path::Path;

use claude_credential_config::claude::{LoginState, StoredLogin, login_file};
use claude_credential_config::{ClaudeLogin, Config, Folders};
use claude_credential_files::FileError;
use claude_credential_protocol::{is_past, iso_8601};
use serde_json::{Value, json};

pub(crate) fn status(folders: &Folders, config: &Config) -> (String, Value) {
    let file = login_file(&folders.claude);
    let handed_out = config.claude_login == ClaudeLogin::Read;
    let found = LoginState::read(&folders.claude);
    let (state, words) = told(&found, &file);
    let mut json = json!({
        "provider": "claude", "signed_in": state == GOOD, "state": state,
        "kept_in": file.display().to_string(), "handed_out": handed_out,
    });
    let mut words = format!("claude (Claude Code's own login): {words}");
    if let (GOOD, Ok(LoginState::Usable(login))) = (state, &found) {
        json["expires_at"] = login.expires_at.map(iso_8601).into();
        words.push_str(if handed_out {
            "; handed out, because [claude] login = \"read\""
        } else {
            "; not handed out; Claude Code itself uses and renews it"
        });
    }
    (words, json)
}

/// The state of a login that can be used.
const GOOD: &str = "good";

/// A word for programs, and a message for the user.
fn told(found: &Result<LoginState, FileError>, file: &Path) -> (&'static str, String) {
    const MEND: &str = "run: claude-credential login claude";
    let shown = file.display();
    match found {
        Ok(LoginState::Missing) => ("missing", format!("not signed in: there is no {shown}")),
        Ok(LoginState::None) => ("none", format!("not signed in: {shown} holds other things and no login")),
        Ok(LoginState::Blank) => ("blank", format!("signed out by the server: the token in {shown} is blank; {MEND}")),
        Ok(LoginState::Malformed(line, column)) => {
            ("truncated", format!("{shown}:{line}:{column}: cut off, or not what Claude Code writes; {MEND}"))
        }
        Ok(LoginState::NoToken(problem)) => ("unusable", format!("the token in {shown} is none: {problem}; {MEND}")),
        Ok(LoginState::WrongScopes) => (
            "scopes",
            format!("the login in {shown} lacks the scope user:inference, so it is good for no request; {MEND}"),
        ),
        Ok(LoginState::Usable(StoredLogin { expires_at: Some(at), .. })) if is_past(Some(*at)) => (
            "expired",
            format!("the token in {shown} ended {}; Claude Code renews it when it is next used", iso_8601(*at)),
        ),
        Ok(LoginState::Usable(login)) => {
            let until = login.expires_at.map(|at| format!(", token ends {}", iso_8601(at))).unwrap_or_default();
            (GOOD, format!("signed in: {shown}{until}"))
        }
        Err(FileError::Link(_)) => {
            ("link", format!("{shown} is a link, which is not followed; put the file itself there"))
        }
        Err(problem @ FileError::Owner(_)) => ("foreign", problem.to_string()),
        Err(problem @ FileError::Readable(_)) => ("readable", problem.to_string()),
        Err(problem) => ("unreadable", problem.to_string()),
    }
}
