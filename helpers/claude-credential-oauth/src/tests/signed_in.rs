//! A provider at which a user is signed in, and what is kept for it.

use claude_credential_protocol::{Error, Request, Secret, now};

use super::server::Server;
use super::{Fixture, anthropic, value};

pub(super) fn provider(server: &Server) -> Fixture {
    Fixture::with_provider(&format!("issuer = \"{}\"\nclient_id = \"c\"", server.url), &[])
}

/// With tokens number 0, whose access token ends in `left` seconds.
pub(super) fn signed_in(server: &Server, left: i64) -> Fixture {
    let fixture = provider(server);
    store(&fixture, "0", left, true);
    fixture
}

pub(super) fn store(fixture: &Fixture, number: &str, left: i64, refresh: bool) {
    let until = (now() / 1000).saturating_add_signed(left);
    let refresh = if refresh { format!("oauth_refresh_token=CANARY-refresh-{number}\n") } else { String::new() };
    let message = format!(
        "capability[]=authtype\ncapability[]=claude.v1\nprotocol=https\nhost=api.anthropic.com\nauthtype=Bearer\n\
         credential=CANARY-access-{number}\npassword_expiry_utc={until}\n{refresh}\n"
    );
    fixture.serve("store", message.as_bytes()).unwrap();
}

pub(super) fn token(fixture: &Fixture, request: &Request) -> Result<String, Error> {
    Ok(value(&fixture.get(request)?, "credential").unwrap_or_default().to_owned())
}

pub(super) fn rejecting(secret: &str) -> Request {
    Request { rejected: Some(Secret::from(secret)), ..anthropic() }
}

pub(super) fn folder(fixture: &Fixture) -> std::path::PathBuf {
    fixture.home.path().join(".local/share/claude-credential/logins")
}

/// As if half a minute had gone by since the provider could not be asked.
pub(super) fn forget_failures(fixture: &Fixture) {
    for file in std::fs::read_dir(folder(fixture)).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending == "failed") {
            std::fs::remove_file(file).unwrap();
        }
    }
}

/// Makes the stored token one that was had an hour ago and lives for `left` seconds yet.
pub(super) fn age(fixture: &Fixture, left: u64) {
    let folder = folder(fixture);
    let is_set = |path: &std::path::PathBuf| path.extension().is_none();
    let file = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(is_set).unwrap();
    let here = now() / 1000;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line.split_once('=') {
            Some(("obtained", _)) => format!("obtained={}", here - 3600),
            Some(("password_expiry_utc", _)) => format!("password_expiry_utc={}", here + left),
            _ => line.to_owned(),
        })
        .collect();
    std::fs::write(file, lines.join("\n") + "\n").unwrap();
}
