//! A certified provider, people who click in Chromium, and a real keychain.
//!
//! `tests/run.sh` runs these, with tokens in a file and, under `tests/servers/with-keyring.sh`, in gnome-keyring.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_tests::oauth::{Browser, Certified, Fixture, parameters, token};
use claude_credential_tests::{Output, Running, long_tests, wait_until};

const REFRESH: Option<&str> = Some("refresh_token");

/// As long as the provider lets tokens live until it is told otherwise.
const TOKEN_LIFE: Duration = Duration::from_secs(5);

#[test]
#[ignore = "needs a provider and a browser: tests/run.sh"]
fn from_a_sign_in_in_chromium_to_logout() {
    let (mut fixture, provider) = fixture("chromium", Certified::with_pages);
    fixture.chromium();
    let login = fixture.login(&[]);
    login.url();
    signed_in(&fixture, &login.finish());
    let opened = fixture.sandbox.home().join("opened");
    wait_until(|| std::fs::read_to_string(&opened).is_ok_and(|said| said.lines().count() > 1));
    let page = std::fs::read_to_string(opened).expect("what Chromium saw");
    assert!(page.lines().skip(1).any(|line| line.contains("close")), "the page says that it can be closed: {page}");
    lives_and_ends(&fixture, &provider);
}

#[test]
#[ignore = "needs a provider: tests/run.sh"]
fn from_a_pasted_code_to_logout() {
    let (fixture, provider) = fixture("pasted", Certified::without_pages);
    let mut login = fixture.login(&["--no-browser"]);
    let back = Browser::default().sign_in(&login.url());
    let answer = parameters(back.split_once('?').expect("a query").1);
    login.paste(&format!("{}#{}", answer["code"], answer["state"]));
    signed_in(&fixture, &login.finish());
    lives_and_ends(&fixture, &provider);
}

#[test]
#[ignore = "needs a provider and a browser: tests/run.sh"]
fn from_a_device_code_to_logout() {
    let (fixture, provider) = fixture("device", Certified::with_pages);
    let login = fixture.login(&["--device", "--no-browser"]);
    let address = login.word(&format!("{}/device?user_code=", provider.issuer()));
    assert!(provider.visit(&address).contains("successful"));
    signed_in(&fixture, &login.finish());
    lives_and_ends(&fixture, &provider);
}

#[test]
#[ignore = "needs a provider: tests/run.sh"]
fn two_hundred_at_once_refresh_once_and_the_grant_lives() {
    for way in [Way::Straight, Way::Dispatcher] {
        let (fixture, provider) = fixture(way.name("crowd"), Certified::without_pages);
        sign_in(&fixture);
        thread::sleep(TOKEN_LIFE + Duration::from_millis(100));
        // So that no second refresh is due however long 200 processes take.
        provider.tokens_live(600);
        let tokens = at_once(&fixture, way, 200);
        assert_eq!(provider.count("grant.success", REFRESH), 1, "{way:?}: {:?}", provider.log());
        assert_eq!(tokens.len(), 1, "one answer for all");
        goes_on(&fixture, &provider, &tokens);
    }
}

#[test]
#[ignore = "needs a provider: tests/run.sh"]
fn ten_rounds_of_five_seconds_lose_nothing() {
    thread::scope(|scope| {
        for way in [Way::Straight, Way::Dispatcher] {
            scope.spawn(move || ten_rounds(way));
        }
    });
}

fn ten_rounds(way: Way) {
    let (fixture, provider) = fixture(way.name("rounds"), Certified::without_pages);
    sign_in(&fixture);
    let count = if long_tests() { 200 } else { 50 };
    // A keychain takes its time.
    let rounds = if keyring().is_some() && !long_tests() { 3 } else { 10 };
    for round in 1..=rounds {
        thread::sleep(TOKEN_LIFE + Duration::from_millis(100));
        let started = Instant::now();
        let tokens = at_once(&fixture, way, count);
        // A round that takes longer than half of a life goes on with the next token.
        let most = 2 + started.elapsed().as_secs() / 2;
        assert!(tokens.len() as u64 <= most, "round {round}: {} tokens", tokens.len());
        assert_eq!(problems(&provider), 0, "{way:?}, round {round}: {:?}", provider.log());
    }
    assert!(provider.count("grant.success", REFRESH) >= rounds);
    provider.tokens_live(600);
    thread::sleep(TOKEN_LIFE + Duration::from_millis(100));
    let tokens = at_once(&fixture, way, 1);
    goes_on(&fixture, &provider, &tokens);
}

#[test]
#[ignore = "needs a provider: tests/run.sh"]
fn a_machine_has_its_token_until_it_is_due() {
    let (fixture, provider) = fixture("machine", Certified::without_pages);
    fixture.sandbox.write("secret", fixture.sandbox.secret("client"));
    fixture.provider(&format!(
        "flow = \"client-credentials\"\nissuer = \"{}\"\nclient_id = \"machine\"\n\
         client_secret_file = \"~/secret\"\nstore = \"{}\"",
        provider.issuer(),
        store(),
    ));
    let first = fixture.token();
    assert!(first.starts_with("machine-"));
    assert_eq!(fixture.print().run().key(), first);
    thread::sleep(TOKEN_LIFE + Duration::from_millis(100));
    assert_ne!(fixture.print().run().key(), first);
    assert_eq!(provider.count("grant.success", Some("client_credentials")), 2);
}

#[test]
#[ignore = "needs a keyring that is locked: tests/run.sh"]
fn a_locked_keychain_is_an_error_that_says_so() {
    if keyring().as_deref() != Some("locked") {
        return;
    }
    let fixture = in_house("locked");
    fixture.people("http://127.0.0.1:1", "store = \"keychain\"");
    let stored = claude_credential_tests::oauth::Stored { access: "mine", refresh: None, until: None };
    let said = fixture.store(stored);
    assert!(said.exits(77).error_line().contains("locked"), "{said:#?}");
    assert!(fixture.sandbox.files_with_secrets().is_empty());
}

#[test]
#[ignore = "needs a keyring that is locked: tests/run.sh"]
fn a_token_in_a_keychain_that_was_locked_since_is_neither_lost_nor_missing() {
    if keyring().as_deref() != Some("locked") {
        return;
    }
    let fixture = in_house("locked-since");
    fixture.people("http://127.0.0.1:1", "store = \"keychain\"");
    // A keyring of its own, which is open until the token is in it.
    let script = "
        lock() {
            dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
                org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null
        }
        helper() { \"$HELPER\" --config \"$CONFIG\" --provider locked-since \"$@\" 2>&1; }
        helper store && lock
        echo \"$ASK\" | helper get
        echo get=$?
        helper status";
    let with_keyring = claude_credential_tests::workspace().join("tests/servers/with-keyring.sh");
    let ask = |lines: &[&str]| claude_credential_tests::oauth::ask(lines);
    let secret = format!("credential={}", fixture.sandbox.secret("mine"));
    let run = fixture.sandbox.call(with_keyring, &["/bin/sh", "-c", script]);
    let run = run.with("HELPER", fixture.sandbox.bin("claude-credential-oauth")).with("ASK", ask(&[]).trim_end());
    let run = run.with("CONFIG", fixture.sandbox.config_file());
    let run = run.says(ask(&["authtype=Bearer", &secret])).run();
    let said = &run.exits(0).stdout;
    assert!(said.contains("the keychain is locked") && said.contains("get=77\n"), "{said}");
    assert!(!said.contains("credential="), "{said}");
}

/// A token, the next one after its life, and the end of both.
fn lives_and_ends(fixture: &Fixture, provider: &Certified) {
    let first = fixture.print().run().key();
    assert!(provider.accepts(&fixture.sandbox.secret(&first)));
    // On a busy machine the first one may have been due when it was asked for.
    let refreshes = provider.count("grant.success", REFRESH);
    thread::sleep(TOKEN_LIFE + Duration::from_millis(100));
    provider.tokens_live(600);
    let second = fixture.print().run().key();
    assert_ne!(second, first);
    assert!(provider.accepts(&fixture.sandbox.secret(&second)));
    assert_eq!(provider.count("grant.success", REFRESH), refreshes + 1, "{:?}", provider.log());
    assert_eq!(fixture.token(), second);
    fixture.sandbox.dispatcher(&["logout", fixture.name()]).run().exits(0);
    assert!(!provider.accepts(&fixture.sandbox.secret(&second)), "{:?}", provider.log());
    assert_eq!(problems(provider), 0, "{:?}", provider.log());
    let print = fixture.print().run();
    assert!(print.fails(77).contains(&format!("claude-credential login {}", fixture.name())));
    assert!(fixture.sandbox.files_with_secrets().is_empty(), "{:?}", fixture.sandbox.files_with_secrets());
}

/// The grant is alive: the token is accepted, and can be refreshed once more.
fn goes_on(fixture: &Fixture, provider: &Certified, tokens: &[String]) {
    let [token] = tokens else { panic!("{} tokens", tokens.len()) };
    assert!(provider.accepts(&fixture.sandbox.secret(token)));
    let next = claude_credential_tests::oauth::token(&fixture.get_after_refusal(token).run());
    assert!(next != *token && provider.accepts(&fixture.sandbox.secret(&next)));
    assert_eq!(problems(provider), 0, "{:?}", provider.log());
}

fn problems(provider: &Certified) -> usize {
    // While a device code is pending, the provider counts that as an error.
    provider.count("grant.error", REFRESH) + provider.count("server_error", None)
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Straight,
    Dispatcher,
}

impl Way {
    fn name(self, test: &'static str) -> &'static str {
        match (self, test) {
            (Self::Straight, "crowd") => "crowd-straight",
            (Self::Straight, _) => "rounds-straight",
            (Self::Dispatcher, "crowd") => "crowd-dispatcher",
            (Self::Dispatcher, _) => "rounds-dispatcher",
        }
    }
}

/// The different tokens that so many had. Only where they took longer than a token lives, it may have expired under way:
/// then that is what they are told, and nothing else.
fn at_once(fixture: &Fixture, way: Way, count: usize) -> Vec<String> {
    let started = Instant::now();
    let start = |_| match way {
        Way::Straight => fixture.get(&[]).start(),
        Way::Dispatcher => fixture.print().start(),
    };
    let running: Vec<Running<'_>> = (0..count).map(start).collect();
    let outputs: Vec<Output> = running.into_iter().map(Running::finish).collect();
    let late = started.elapsed() > TOKEN_LIFE;
    let name = |output: &Output| match way {
        Way::Straight => Some(token(output)),
        Way::Dispatcher if late && output.stderr.contains("has expired already") => None,
        Way::Dispatcher => Some(output.key()),
    };
    let mut tokens: Vec<String> = outputs.iter().filter_map(name).collect();
    // Not by a macro: the test runner swallows what those print.
    let _ = writeln!(std::io::stderr(), "{count} at once, {way:?}: {} ms", started.elapsed().as_millis());
    tokens.sort();
    tokens.dedup();
    tokens
}

fn sign_in(fixture: &Fixture) {
    let login = fixture.login(&["--no-browser"]);
    let back = Browser::default().sign_in(&login.url());
    assert_eq!(claude_credential_tests::oauth::fetch(&back, &[]).status, 200);
    signed_in(fixture, &login.finish());
}

#[track_caller]
fn signed_in(fixture: &Fixture, login: &Output) {
    login.exits(0);
    let data = fixture.sandbox.home().join(".local/share");
    let in_data = |path: &PathBuf| path.starts_with(&data);
    let files: Vec<PathBuf> = fixture.sandbox.files_with_secrets().into_iter().filter(in_data).collect();
    assert_eq!(files.is_empty(), keyring().is_some(), "{files:?}");
}

fn fixture(name: &str, start: impl Fn(&claude_credential_tests::Sandbox) -> Certified) -> (Fixture, Certified) {
    let fixture = in_house(name);
    let provider = start(&fixture.sandbox);
    let lines =
        "scopes = [\"openid\", \"offline_access\"]\nparameters = { prompt = \"consent\" }\nclient_id = \"people\"";
    fixture.people(provider.issuer(), &format!("{lines}\nstore = \"{}\"", store()));
    (fixture, provider)
}

fn in_house(name: &str) -> Fixture {
    let mut fixture = Fixture::named(name);
    if keyring().is_some() {
        fixture.sandbox.set("DBUS_SESSION_BUS_ADDRESS", env::var("DBUS_SESSION_BUS_ADDRESS").expect("a session bus"));
    }
    fixture
}

fn store() -> &'static str {
    if keyring().is_some() { "keychain" } else { "file" }
}

/// The state of the keychain, if there is one.
fn keyring() -> Option<String> {
    env::var("CLAUDE_CREDENTIAL_TEST_KEYRING").ok()
}
