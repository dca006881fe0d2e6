//! Signing in and out, and looking who is.

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::mpsc;
use std::thread;

use clap::Parser;
use claude_credential_protocol::{Class, Error, HelperCli, now};
use reqwest::Url;

use super::server::{Reply, Server};
use super::{Fixture, anthropic, stored, value};
use crate::commands::{UserCommand, with};
use crate::reporter::Reporter;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: UserCommand,
}

/// What a command says, to the person and on stdout.
pub(super) fn run(
    fixture: &Fixture,
    words: &[&str],
    input: Option<Box<dyn Read + Send>>,
) -> (Result<(), Error>, String, String) {
    let command = Line::parse_from([&["oauth"], words].concat()).command;
    let (mut said, mut stdout) = (Vec::new(), Vec::new());
    let input = input.map(|input| Box::new(BufReader::new(input)) as crate::flows::authorization_code::Input);
    let outcome = with(&fixture.helper, command, input, &mut stdout, &mut Reporter::new(&mut said, false));
    (outcome, String::from_utf8(said).unwrap(), String::from_utf8(stdout).unwrap())
}

pub(super) fn provider(server: &Server, more: &str) -> Fixture {
    let section = format!("issuer = \"{}\"\nclient_id = \"c\"\nscopes = [\"openid\"]\n{more}", server.url);
    Fixture::with_provider(&section, &[("ANTHROPIC_API_KEY", "CANARY-key")])
}

/// The whole of a config.toml with the provider of [`provider`] and `more`.
fn section(server: &Server, more: &str) -> String {
    format!("[provider.acme]\nissuer = \"{}\"\nclient_id = \"c\"\nscopes = [\"openid\"]\n{more}", server.url)
}

/// Signs in by pasting what the browser would end at: `answer` makes it of the address that was shown.
pub(super) fn paste(
    fixture: &Fixture,
    words: &[&str],
    answer: impl Fn(&Url) -> String + Send + 'static,
) -> (Result<(), Error>, String) {
    // The address is known only once it was said, so the person's side is a pipe in both directions.
    let (sender, receiver) = mpsc::channel::<Vec<u8>>();
    let (reader, mut writer) = io::pipe().unwrap();
    let command = Line::parse_from([&["oauth"], words].concat()).command;
    let typist = thread::spawn(move || {
        let mut said = String::new();
        for bytes in receiver {
            said.push_str(&String::from_utf8(bytes).unwrap());
            let Some(url) = said.lines().find_map(|line| Url::parse(line.trim()).ok()) else { continue };
            writer.write_all(format!("rubbish\n{}\n", answer(&url)).as_bytes()).unwrap();
            break;
        }
    });
    let mut said = Tee(sender, Vec::new());
    let input: crate::flows::authorization_code::Input = Box::new(BufReader::new(reader));
    let outcome = with(&fixture.helper, command, Some(input), &mut Vec::new(), &mut Reporter::new(&mut said, false));
    let words = String::from_utf8(said.1.clone()).unwrap();
    drop(said);
    typist.join().unwrap();
    (outcome, words)
}

struct Tee(mpsc::Sender<Vec<u8>>, Vec<u8>);

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(bytes.to_vec());
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[test]
fn a_pasted_code_signs_in_with_pkce_and_logout_revokes() {
    let server =
        Server::start(vec![Reply::tokens(1, 3600), Reply::Json(200, String::new()), Reply::Json(200, String::new())]);
    let fixture = provider(&server, "parameters = { prompt = \"consent\" }");
    let (outcome, said) = paste(&fixture, &["login", "--no-browser"], |url| {
        for (name, expected) in [("response_type", "code"), ("code_challenge_method", "S256"), ("prompt", "consent")] {
            assert_eq!(parameter(url, name), expected, "{url}");
        }
        format!("CODE#{}", parameter(url, "state"))
    });
    outcome.unwrap();
    for words in
        ["that is neither an address", "mode 0600", "unset ANTHROPIC_API_KEY", "signed in to acme; the token ends"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("CANARY"), "{said}");
    let exchange = &server.seen()[0];
    assert_eq!(exchange.field("code").as_deref(), Some("CODE"));
    assert_eq!(exchange.field("grant_type").as_deref(), Some("authorization_code"));
    assert_eq!(exchange.field("code_verifier").map(|verifier| verifier.len()), Some(43));
    assert_eq!(value(&fixture.get(&anthropic()).unwrap(), "credential"), Some("CANARY-access-1"));

    let (outcome, said, _) = run(&fixture, &["logout"], None);
    outcome.unwrap();
    assert_eq!(said, "signed out of acme; the provider was told\n");
    let revoked: Vec<_> = server.seen()[1..].iter().map(|seen| seen.field("token").unwrap()).collect();
    assert_eq!(revoked, ["CANARY-refresh-1", "CANARY-access-1"]);
    assert_eq!(fixture.get(&anthropic()).unwrap_err().class(), Class::SignIn);
    assert_eq!(run(&fixture, &["logout"], None).1, "not signed in to acme\n");
}

#[test]
fn a_revocation_endpoint_gets_no_token_that_is_older_than_its_line() {
    let server = Server::start(vec![Reply::tokens(1, 3600), Reply::tokens(2, 3600)]);
    let fixture = provider(&server, "");
    let sign_in = || paste(&fixture, &["login", "--no-browser"], |url| format!("CODE#{}", parameter(url, "state")));
    sign_in().0.unwrap();
    let other = Server::start(vec![Reply::Json(200, String::new()), Reply::Json(200, String::new())]);
    fixture.configure(&section(&server, &format!("revocation_endpoint = \"{}/revoke\"", other.url)));
    assert!(fixture.get(&anthropic()).unwrap().contains("CANARY-access-1"));
    let error = run(&fixture, &["logout"], None).0.unwrap_err().to_string();
    assert!(
        error.contains("revocation_endpoint") && error.ends_with("run: claude-credential logout acme --local"),
        "{error}"
    );
    assert!(fixture.get(&anthropic()).unwrap().contains("CANARY-access-1"));
    let (outcome, said, _) = run(&fixture, &["logout", "--local"], None);
    outcome.unwrap();
    assert!(said.contains("the provider was not told") && other.seen().is_empty(), "{said}");
    sign_in().0.unwrap();
    assert_eq!(run(&fixture, &["logout"], None).1, "signed out of acme; the provider was told\n");
    assert_eq!(other.seen().len(), 2);
}

#[test]
fn a_renewal_gives_a_later_revocation_endpoint_no_right_to_the_refresh_token() {
    let renewed = serde_json::json!({"access_token": "CANARY-access-2", "token_type": "bearer", "expires_in": 3600});
    let server = Server::start(vec![Reply::tokens(1, 3600), Reply::json(&renewed), Reply::tokens(3, 3600)]);
    let fixture = provider(&server, "");
    let sign_in = || paste(&fixture, &["login", "--no-browser"], |url| format!("CODE#{}", parameter(url, "state")));
    sign_in().0.unwrap();
    let other = Server::start(vec![Reply::Json(200, String::new()), Reply::Json(200, String::new())]);
    fixture.configure(&section(&server, &format!("revocation_endpoint = \"{}/revoke\"", other.url)));
    let rejected = Some("CANARY-access-1".into());
    let request = claude_credential_protocol::Request { rejected, ..anthropic() };
    assert!(fixture.get(&request).unwrap().contains("CANARY-access-2"));
    let error = run(&fixture, &["logout"], None).0.unwrap_err().to_string();
    assert!(error.contains("revocation_endpoint") && other.seen().is_empty(), "{error}");
}

#[test]
fn without_its_revocation_endpoint_a_sign_in_is_ended_where_the_issuer_says() {
    let done = || Reply::Json(200, String::new());
    let server = Server::start(vec![Reply::tokens(1, 3600), done(), done()]);
    let fixture = provider(&server, "");
    let other = Server::start(Vec::new());
    fixture.configure(&section(&server, &format!("revocation_endpoint = \"{}/revoke\"", other.url)));
    paste(&fixture, &["login", "--no-browser"], |url| format!("CODE#{}", parameter(url, "state"))).0.unwrap();
    fixture.configure(&section(&server, ""));
    let (outcome, said, _) = run(&fixture, &["logout"], None);
    outcome.unwrap();
    assert!(said.starts_with("signed out of acme; the provider"), "{said}");
    assert!(other.seen().is_empty());
}

#[test]
fn a_logout_that_fails_removes_nothing_and_says_how_to_do_without() {
    let server = Server::start(vec![Reply::tokens(1, 3600), Reply::Json(404, "CANARY".to_owned())]);
    let fixture = provider(&server, "");
    paste(&fixture, &["login", "--no-browser"], |url| format!("CODE#{}", parameter(url, "state"))).0.unwrap();
    let error = run(&fixture, &["logout"], None).0.unwrap_err().to_string();
    assert!(error.ends_with("run: claude-credential logout acme --local") && !error.contains("CANARY"), "{error}");
    assert!(fixture.get(&anthropic()).unwrap().contains("CANARY-access-1"));
    run(&fixture, &["logout", "--local"], None).0.unwrap();
    assert_eq!(server.seen().len(), 2);
    assert_eq!(fixture.get(&anthropic()).unwrap_err().class(), Class::SignIn);
}

#[test]
fn a_revocation_that_is_refused_is_no_passing_trouble_and_the_whole_command_is_named() {
    for (status, class, says) in [
        (401, Class::Config, "it may want a client secret"),
        (400, Class::Config, "refused the revocation with status 400"),
        (503, Class::Unavailable, "answered 503"),
    ] {
        let server = Server::start(vec![Reply::tokens(1, 3600)]);
        let fixture = provider(&server, "");
        let words = ["login", "--no-browser", "--account", "my work"];
        paste(&fixture, &words, |url| format!("CODE#{}", parameter(url, "state"))).0.unwrap();
        for _ in 0..5 {
            server.will(Reply::With(status, "Retry-After: 0\r\n", r#"{"error":"invalid_client"}"#.to_owned()));
        }
        let error = run(&fixture, &["logout"], None).0.unwrap_err();
        let ending = "run: claude-credential logout acme --account 'my work' --local";
        assert!(error.class() == class && error.to_string().contains(says), "{error}");
        assert!(error.to_string().ends_with(ending), "{error}");
    }
}

#[test]
fn accounts_stand_beside_each_other_and_one_is_current() {
    let server = Server::start(vec![Reply::tokens(1, 3600), Reply::tokens(2, 3600), Reply::tokens(3, 3600)]);
    let fixture = provider(&server, "");
    let code = |url: &Url| format!("CODE#{}", parameter(url, "state"));
    let token = |account: Option<&str>| {
        let request = claude_credential_protocol::Request { username: account.map(str::to_owned), ..anthropic() };
        value(&fixture.get(&request).unwrap(), "credential").unwrap().to_owned()
    };
    paste(&fixture, &["login", "--no-browser", "--account", "home"], code).0.unwrap();
    paste(&fixture, &["login", "--no-browser", "--account", "work"], code).0.unwrap();
    assert_eq!((token(None), token(Some("home"))), ("CANARY-access-2".to_owned(), "CANARY-access-1".to_owned()));
    // Without a name, the current account signs in anew.
    paste(&fixture, &["login", "--no-browser"], code).0.unwrap();
    assert_eq!((token(None), token(Some("work"))), ("CANARY-access-3".to_owned(), "CANARY-access-3".to_owned()));
    let (outcome, said, _) = run(&fixture, &["logout", "--local"], None);
    outcome.unwrap();
    assert!(said.ends_with("the current account of acme is now home\n"), "{said}");
    assert_eq!(token(None), "CANARY-access-1");
}

#[test]
fn status_asks_nobody_and_shows_no_token() {
    let server = Server::start(vec![Reply::tokens(1, 3600)]);
    let fixture = provider(&server, "");
    assert!(run(&fixture, &["status"], None).2.starts_with("acme: not signed in; run: claude-credential login acme"));
    paste(&fixture, &["login", "--no-browser"], |url| format!("CODE#{}", parameter(url, "state"))).0.unwrap();
    let (_, _, words) = run(&fixture, &["status"], None);
    assert!(words.starts_with("acme: in /") && words.ends_with("; a refresh is possible\n"), "{words}");
    let (_, _, json) = run(&fixture, &["status", "--json"], None);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let login = &json["logins"][0];
    assert_eq!(login["provider"], "acme");
    assert_eq!((&login["refresh_possible"], &login["place"]), (&true.into(), &"file".into()));
    assert!(!words.contains("CANARY") && !json.to_string().contains("CANARY"), "{json}");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn claude_codes_own_login_has_words_for_each_state_that_it_can_be_in() {
    let later = now() + 3_600_000;
    let words = |fixture: &Fixture| {
        let (outcome, _, words) = run(fixture, &["status"], None);
        outcome.unwrap();
        assert!(!words.contains("CANARY"), "{words}");
        words
    };
    for (login, says) in [
        (stored(later), "signed in: /"),
        (stored(now() - 60_000), "ended "),
        (stored(later).replace("CANARY-access", ""), "is blank"),
        (stored(later).replace("user:inference", "user:other"), "lacks the scope"),
        (stored(later)[..60].to_owned(), "cut off"),
        ("{}".to_owned(), "holds other things"),
    ] {
        let said = words(&Fixture::with_login("", &login));
        assert!(said.contains(says), "{says}: {said}");
    }
    let fixture = Fixture::with_login("", &stored(later));
    fs::set_permissions(fixture.login(), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(words(&fixture).contains("can be read by others"));
    fs::rename(fixture.login(), fixture.home.path().join("elsewhere")).unwrap();
    assert!(words(&fixture).contains("there is no "));
    symlink(fixture.home.path().join("elsewhere"), fixture.login()).unwrap();
    assert!(words(&fixture).contains("is a link"));
}

#[test]
fn there_is_nothing_to_sign_in_to_without_a_provider() {
    for options in [&[][..], &["--source", "env"]] {
        let fixture = Fixture::new(options, &[]);
        let error = fixture.helper.run(Line::parse_from(["oauth", "logout"]).command).unwrap_err();
        assert_eq!(error.class(), Class::Config, "{error}");
    }
}

#[test]
fn tokens_that_can_not_be_kept_are_revoked() {
    let server =
        Server::start(vec![Reply::tokens(1, 3600), Reply::Json(200, String::new()), Reply::Json(200, String::new())]);
    let fixture = provider(&server, "");
    let data = fixture.home.path().join(".local/share/claude-credential");
    fs::create_dir_all(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(data.join("logins"), "in the way").unwrap();
    let (outcome, said) =
        paste(&fixture, &["login", "--no-browser"], |url| format!("CODE#{}", parameter(url, "state")));
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("could not be kept, and were revoked") && !error.contains("CANARY"), "{error}: {said}");
    assert_eq!(server.seen()[1].field("token").as_deref(), Some("CANARY-refresh-1"));
}

#[test]
fn what_git_approves_late_does_not_come_over_a_new_sign_in() {
    let server = Server::start(vec![Reply::tokens(1, 3600), Reply::tokens(2, 3600)]);
    let fixture = provider(&server, "");
    let code = |url: &Url| format!("CODE#{}", parameter(url, "state"));
    paste(&fixture, &["login", "--no-browser"], code).0.unwrap();
    paste(&fixture, &["login", "--no-browser"], code).0.unwrap();
    let message = "capability[]=authtype\ncapability[]=claude.v1\nprotocol=https\nhost=api.anthropic.com\n\
                   authtype=Bearer\ncredential=CANARY-access-1\noauth_refresh_token=CANARY-refresh-1\n\n";
    fixture.serve("store", message.as_bytes()).unwrap();
    assert_eq!(value(&fixture.get(&anthropic()).unwrap(), "credential"), Some("CANARY-access-2"));
}
