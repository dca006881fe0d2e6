mod calls;
mod commands;
mod crowd;
mod device;
mod gateways;
mod machines;
mod refresh;
mod server;
mod sign_in;
mod signed_in;
mod store_erase;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use clap::Parser;
use claude_credential_config::Environment;
use claude_credential_protocol::{Class, Error, Request, now, serve};

use crate::client::Client;
use crate::options::{Oauth, Source};
use crate::token_error::TokenError;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    helper: Oauth,
}

/// The helper with these options and variables, in a home of its own.
struct Fixture {
    home: tempfile::TempDir,
    helper: Oauth,
}

impl Fixture {
    fn new(options: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut helper = Line::parse_from([&["oauth"], options].concat()).helper;
        let home_variable = [("HOME", home.path().to_str().unwrap())];
        helper.suite.environment = Environment::from_pairs(home_variable.iter().chain(variables).copied());
        Self { home, helper }
    }

    /// With a configuration, and the options that name its provider `acme`.
    fn with_provider(section: &str, variables: &[(&str, &str)]) -> Self {
        let fixture = Self::new(&["--provider", "acme"], variables);
        fixture.configure(&format!("key_store = \"file\"\n[provider.acme]\n{section}"));
        fixture
    }

    fn configure(&self, config: &str) {
        let folder = self.home.path().join(".config/claude-credential");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), config).unwrap();
    }

    /// With a login that Claude Code stored, and the user's word on it.
    fn with_login(config: &str, login: &str) -> Self {
        let fixture = Self::new(&[], &[]);
        fixture.configure(config);
        fs::create_dir(fixture.home.path().join(".claude")).unwrap();
        fs::write(fixture.login(), login).unwrap();
        fs::set_permissions(fixture.login(), fs::Permissions::from_mode(0o600)).unwrap();
        fixture
    }

    fn login(&self) -> PathBuf {
        self.home.path().join(".claude/.credentials.json")
    }

    fn get(&self, request: &Request) -> Result<String, Error> {
        self.serve("get", &request.to_message().unwrap().to_bytes())
    }

    fn serve(&self, operation: &str, mut message: &[u8]) -> Result<String, Error> {
        let mut stdout = Vec::new();
        serve(&self.helper, operation, &mut message, &mut stdout)?;
        Ok(String::from_utf8(stdout).unwrap())
    }
}

/// The value of `key` in an answer.
fn value<'a>(answer: &'a str, key: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

fn anthropic() -> Request {
    Request::new("https", "api.anthropic.com")
}

fn stored(expires_at: u64) -> String {
    format!(
        r#"{{"claudeAiOauth":{{"accessToken":"CANARY-access","refreshToken":"CANARY-refresh","expiresAt":{expires_at},
        "scopes":["user:profile","user:inference"],"subscriptionType":"max"}},"mcpOAuth":{{}}}}"#
    )
}

const READ: &str = "[claude]\nlogin = \"read\"\n";

#[test]
fn a_token_in_the_variable_is_a_bearer_that_needs_a_header_and_is_not_kept() {
    let answer = Fixture::new(&[], &[("CLAUDE_CODE_OAUTH_TOKEN", " CANARY-token\n")]).get(&anthropic()).unwrap();
    for line in [
        "authtype=Bearer\ncredential=CANARY-token\n",
        "ephemeral=1\n",
        "claude.source=env:CLAUDE_CODE_OAUTH_TOKEN\n",
        "claude.header[]=anthropic-beta: oauth-2025-04-20\n",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
}

#[test]
fn a_value_that_is_no_token_is_named_and_not_shown() {
    let fixture = Fixture::new(&[], &[("CLAUDE_CODE_OAUTH_TOKEN", "CANARY with blanks")]);
    let error = fixture.get(&anthropic()).unwrap_err();
    assert_eq!(error.class(), Class::Config);
    assert!(error.to_string().starts_with("CLAUDE_CODE_OAUTH_TOKEN ") && !error.to_string().contains("CANARY"));
}

#[test]
fn it_goes_to_no_other_host_whoever_asks_and_to_nobody_for_an_account() {
    let fixture = Fixture::new(&[], &[("CLAUDE_CODE_OAUTH_TOKEN", "CANARY")]);
    let git =
        |host: &str, more: &str| fixture.serve("get", format!("protocol=https\nhost={host}\n{more}\n").as_bytes());
    assert!(git("api.anthropic.com", "").unwrap().contains("username=oauth2\npassword=CANARY\n"));
    assert!(git("api.anthropic.com", "username=oauth2\n").unwrap().contains("password=CANARY\n"));
    for (host, more) in [("evil.example", ""), ("api.anthropic.com.", ""), ("api.anthropic.com", "username=me\n")] {
        let answer = git(host, more).unwrap();
        assert!(!answer.contains("CANARY"), "{host}: {answer}");
    }
    for (protocol, host) in
        [("https", "gateway.example"), ("http", "api.anthropic.com"), ("https", "api.anthropic.com:444")]
    {
        let answer = fixture.get(&Request::new(protocol, host)).unwrap();
        assert!(!answer.contains("CANARY"), "{protocol} {host}: {answer}");
    }
}

#[test]
fn claude_codes_login_is_handed_out_only_where_the_user_said_so() {
    let later = now() + 3_600_000;
    for (config, handed_out) in [("", false), ("[claude]\nlogin = \"report\"\n", false), (READ, true)] {
        let fixture = Fixture::with_login(config, &stored(later));
        let before = fs::metadata(fixture.login()).unwrap().modified().unwrap();
        let answer = fixture.get(&anthropic()).unwrap();
        assert_eq!(answer.contains("credential=CANARY-access\n"), handed_out, "{config}");
        assert_eq!(answer.contains(&format!("password_expiry_utc={}\n", later / 1000)), handed_out, "{config}");
        assert!(!answer.contains("CANARY-refresh"));
        assert_eq!(before, fs::metadata(fixture.login()).unwrap().modified().unwrap());
    }
}

#[test]
fn claude_codes_login_goes_to_no_other_host_whoever_asks() {
    let fixture = Fixture::with_login(READ, &stored(now() + 3_600_000));
    assert!(!fixture.get(&Request::new("https", "gateway.example")).unwrap().contains("CANARY"));
}

#[test]
fn a_login_that_is_blank_expired_or_for_something_else_is_none() {
    for login in [
        stored(now() - 1),
        stored(now() + 3_600_000).replace("CANARY-access", ""),
        stored(now() + 3_600_000).replace("user:inference", "user:other"),
        r#"{"claudeAiOauth":null}"#.to_owned(),
        "{}".to_owned(),
    ] {
        assert!(!Fixture::with_login(READ, &login).get(&anthropic()).unwrap().contains("credential="), "{login}");
    }
    let fixture = Fixture::with_login(READ, "{}");
    fs::remove_file(fixture.login()).unwrap();
    assert!(!fixture.get(&anthropic()).unwrap().contains("credential="));
}

#[test]
fn a_login_file_that_is_rubbish_is_named_with_its_line_and_nothing_of_it_shown() {
    for login in ["{\"claudeAiOauth\":\n {CANARY", "{\"claudeAiOauth\":\n {\"expiresAt\":\"CANARY\"}}", "{\n\"CANARY"] {
        let error = Fixture::with_login(READ, login).get(&anthropic()).unwrap_err();
        assert_eq!(error.class(), Class::Config, "{error}");
        let message = error.to_string();
        assert!(message.contains(".credentials.json:2:") && !message.contains("CANARY"), "{message}");
    }
}

#[test]
fn a_login_file_that_is_not_plainly_ours_is_refused() {
    let fixture = Fixture::with_login(READ, &stored(now() + 3_600_000));
    fs::set_permissions(fixture.login(), fs::Permissions::from_mode(0o644)).unwrap();
    let error = fixture.get(&anthropic()).unwrap_err();
    assert!(error.class() == Class::Config && error.to_string().contains("chmod 600"), "{error}");
    fs::set_permissions(fixture.login(), fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(fixture.login(), fixture.home.path().join("elsewhere")).unwrap();
    symlink(fixture.home.path().join("elsewhere"), fixture.login()).unwrap();
    let error = fixture.get(&anthropic()).unwrap_err();
    assert!(error.class() == Class::Config && error.to_string().contains("is a link"), "{error}");
}

#[test]
fn the_variable_wins_over_the_stored_login_unless_the_sources_say_otherwise() {
    let mut fixture = Fixture::with_login(READ, &stored(now() + 3_600_000));
    let home = fixture.home.path().to_str().unwrap().to_owned();
    fixture.helper.suite.environment =
        Environment::from_pairs([("HOME", home.as_str()), ("CLAUDE_CODE_OAUTH_TOKEN", "CANARY-variable")]);
    assert!(fixture.get(&anthropic()).unwrap().contains("credential=CANARY-variable\n"));
    fixture.helper.sources = vec![Source::Claude];
    assert!(fixture.get(&anthropic()).unwrap().contains("credential=CANARY-access\n"));
}

#[test]
fn whoever_polls_asks_once_and_hears_slow_down_with_any_status() {
    let asked = |reply| {
        let server = server::Server::start(vec![reply, server::Reply::tokens(1, 3600)]);
        let section = format!("token_endpoint = \"{0}/t\"\ndevice_authorization_endpoint = \"{0}/d\"\n", server.url);
        let fixture = Fixture::with_provider(&format!("flow = \"device-code\"\nclient_id = \"c\"\n{section}"), &[]);
        let (request, folders) = (anthropic(), fixture.helper.suite.folders().unwrap());
        let config = fixture.helper.suite.config(&folders).unwrap();
        let context = fixture.helper.suite.context(&request, &folders);
        let client = Client::of(&context, &config.providers["acme"]);
        let outcome = client.poll(&client.endpoints(&[]).unwrap(), &[("device_code", "CANARY")]);
        assert_eq!(server.seen().len(), 1);
        outcome.unwrap_err()
    };
    for (status, code) in [(429, "slow_down"), (400, "slow_down"), (400, "authorization_pending")] {
        assert!(
            matches!(asked(server::Reply::error(status, code)), TokenError::Code(said, _) if said == code),
            "{code}"
        );
    }
    for status in [429, 500, 503] {
        let error = asked(server::Reply::Json(status, "CANARY".to_owned()));
        assert!(matches!(error, TokenError::Error(error) if error.class() == Class::Unavailable), "{status}");
    }
}

#[test]
fn store_and_erase_are_silence() {
    let fixture = Fixture::new(&[], &[("CLAUDE_CODE_OAUTH_TOKEN", "CANARY")]);
    for operation in ["store", "erase", "unheard-of"] {
        let message = b"protocol=https\nhost=api.anthropic.com\nusername=oauth2\npassword=CANARY\n\n";
        assert_eq!(fixture.serve(operation, message).unwrap(), "");
    }
    assert_eq!(fs::read_dir(fixture.home.path()).unwrap().count(), 0);
}
