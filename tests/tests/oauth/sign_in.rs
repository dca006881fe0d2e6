//! Signing in and out, at a provider that asks nobody anything.

use std::fs;

use claude_credential_tests::oauth::{Authority, Browser, Fault, Fixture, PROVIDER, Reply, Server, fetch, parameters};
use claude_credential_tests::{Output, wait_until};

#[test]
fn a_browser_that_comes_back_signs_in_and_logout_revokes() {
    let (fixture, authority) = fixture("");
    let login = fixture.login(&["--no-browser"]);
    let back = Browser::default().sign_in(&login.url());
    let page = fetch(&back, &[]);
    assert_eq!(page.status, 200);
    assert!(page.text.contains("close") && !fixture.sandbox.canary().is_in(page.text.as_bytes()), "{}", page.text);
    signed_in(&fixture, &login.finish());
    assert_eq!(authority.log(), ["code 1"]);
    assert_eq!(fixture.print().run().key(), "access-1-1");
    assert_eq!(fixture.token(), "access-1-1");

    fixture.sandbox.dispatcher(&["logout", PROVIDER]).run().exits(0);
    assert!(!authority.is_alive(1), "{:?}", authority.log());
    assert!(authority.log().contains(&"revoked-refresh 1-1".to_owned()));
    assert!(fixture.sandbox.files_with_secrets().is_empty(), "{:?}", fixture.sandbox.files_with_secrets());
    needs_sign_in(&fixture.print().run());
    needs_sign_in(&fixture.helper(&["get"]).says(claude_credential_tests::oauth::ask(&[])).run());
}

#[test]
fn a_local_logout_leaves_the_grant_alone() {
    let (fixture, authority) = fixture("");
    sign_in(&fixture, &[]);
    fixture.sandbox.dispatcher(&["logout", PROVIDER, "--local"]).run().exits(0);
    assert!(authority.is_alive(1) && authority.log() == ["code 1"]);
    assert!(fixture.sandbox.files_with_secrets().is_empty());
    needs_sign_in(&fixture.print().run());
}

#[test]
fn a_logout_that_can_t_revoke_removes_nothing_and_says_how_to_do_without() {
    let (fixture, authority) = fixture("");
    sign_in(&fixture, &[]);
    authority.fails("/revoke", Fault::Page(503), usize::MAX);
    let logout = fixture.sandbox.dispatcher(&["logout", PROVIDER]).run();
    assert!(logout.fails(75).contains("--local"), "{logout:#?}");
    assert_eq!(fixture.token(), "access-1-1");
    fixture.sandbox.dispatcher(&["logout", PROVIDER, "--local"]).run().exits(0);
    assert!(fixture.sandbox.files_with_secrets().is_empty());
    needs_sign_in(&fixture.print().run());
}

#[test]
fn the_code_or_the_whole_address_can_be_pasted() {
    for whole in [false, true] {
        let (fixture, authority) = fixture("");
        let mut login = fixture.login(&["--no-browser"]);
        let back = Browser::default().sign_in(&login.url());
        let answer = parameters(back.split_once('?').expect("a query").1);
        let code = format!("{}#{}", answer["code"], answer["state"]);
        login.paste(if whole { &back } else { &code });
        signed_in(&fixture, &login.finish());
        assert_eq!(authority.log(), ["code 1"]);
        assert_eq!(fixture.print().run().key(), "access-1-1");
    }
}

#[test]
fn a_state_that_is_not_ours_signs_nobody_in() {
    for pasted in [false, true] {
        let (fixture, authority) = fixture("");
        let mut login = fixture.login(&["--no-browser"]);
        let back = Browser::default().sign_in(&login.url());
        let (base, query) = back.split_once('?').expect("a query");
        let answer = parameters(query);
        let code = fixture.sandbox.secret("code-1");
        assert_eq!(answer["code"], code);
        if pasted {
            login.paste(&format!("{code}#forged-forged-forged"));
        } else {
            let page = fetch(&format!("{base}?code={code}&state=forged-forged-forged"), &[]);
            assert!(page.status >= 400 || !page.text.contains("signed in"), "{page:?}");
        }
        // Whether the sign-in ends or goes on waiting: the code that came with a forged state was not redeemed.
        std::thread::sleep(std::time::Duration::from_millis(500));
        assert_eq!(authority.log(), [] as [&str; 0]);
        login.running().signal(rustix::process::Signal::TERM);
        assert_ne!(login.finish().code(), Some(0));
        needs_sign_in(&fixture.print().run());
    }
}

#[test]
fn who_says_no_is_not_signed_in() {
    let (fixture, authority) = fixture("");
    authority.denies();
    let login = fixture.login(&["--no-browser"]);
    let back = Browser::default().sign_in(&login.url());
    fetch(&back, &[]);
    let login = login.finish();
    assert_ne!(login.code(), Some(0), "{login:#?}");
    assert!(login.stderr.contains("access_denied") || login.stderr.contains("refused"), "{login:#?}");
    needs_sign_in(&fixture.print().run());
}

#[test]
fn the_address_is_for_one_sign_in_and_for_this_machine() {
    let (fixture, _authority) = fixture("");
    let login = fixture.login(&["--no-browser"]);
    let url = login.url();
    let asked = parameters(url.split_once('?').expect("a query").1);
    assert!(asked["redirect_uri"].starts_with("http://127.0.0.1:"), "{}", asked["redirect_uri"]);
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
    assert!(!asked.contains_key("code_verifier") && !asked.contains_key("client_secret"));
    let back = Browser::default().sign_in(&url);
    fetch(&back, &[]);
    signed_in(&fixture, &login.finish());
    let port = back.trim_start_matches("http://").split(['/', '?']).next().expect("an address").to_owned();
    assert!(std::net::TcpStream::connect(port).is_err(), "the port is still open");
    let again = fixture.login(&["--no-browser"]);
    let second = parameters(again.url().split_once('?').expect("a query").1);
    assert!(second["state"] != asked["state"] && second["code_challenge"] != asked["code_challenge"]);
    again.running().signal(rustix::process::Signal::TERM);
    again.finish();
    assert_eq!(fixture.print().run().key(), "access-1-1", "a sign-in that was given up changes nothing");
}

#[test]
fn the_browser_is_opened_with_the_address_that_is_shown() {
    let (mut fixture, _authority) = fixture("");
    fixture.browser("printf '%s\\n' \"$1\" >\"$HOME/opened\"");
    let login = fixture.login(&[]);
    let url = login.url();
    let opened = fixture.sandbox.home().join("opened");
    wait_until(|| fs::read_to_string(&opened).is_ok_and(|text| text.ends_with('\n')));
    assert_eq!(fs::read_to_string(&opened).unwrap().trim_end(), url);
    fetch(&Browser::default().sign_in(&url), &[]);
    signed_in(&fixture, &login.finish());
}

#[test]
fn a_sign_in_that_is_ended_leaves_nobody_listening() {
    let (fixture, _authority) = fixture("");
    let login = fixture.login(&["--no-browser"]);
    let asked = parameters(login.url().split_once('?').expect("a query").1);
    let address = asked["redirect_uri"].trim_start_matches("http://").split('/').next().expect("an address").to_owned();
    assert!(std::net::TcpStream::connect(&address).is_ok());
    login.running().signal(rustix::process::Signal::TERM);
    assert_ne!(login.finish().code(), Some(0));
    assert!(std::net::TcpStream::connect(&address).is_err(), "the helper goes on without the dispatcher");
}

#[test]
fn a_fixed_port_is_used() {
    let (fixture, authority) = fixture("");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fixture.people(&authority.issuer(), &format!("redirect_port = {port}"));
    let login = fixture.login(&["--no-browser"]);
    let back = Browser::default().sign_in(&login.url());
    assert!(back.starts_with(&format!("http://127.0.0.1:{port}/")), "{back}");
    fetch(&back, &[]);
    signed_in(&fixture, &login.finish());
}

#[test]
fn a_device_code_waits_as_long_as_the_provider_says() {
    for by_option in [true, false] {
        let (fixture, authority) = fixture("");
        if !by_option {
            fixture.people(&authority.issuer(), "flow = \"device-code\"");
        }
        let login = fixture.login(if by_option { &["--device"] } else { &[] });
        assert!(login.url().contains("/activate"), "{}", login.url());
        login.word("WDJB-0001");
        wait_until(|| authority.count("device") == 2);
        authority.approve_devices();
        signed_in(&fixture, &login.finish());
        assert_eq!(authority.log(), ["device pending", "device slow_down", "device-grant 1"]);
        assert_eq!(fixture.print().run().key(), "access-1-1");
    }
}

#[test]
fn a_device_code_that_is_refused_signs_nobody_in() {
    let (fixture, authority) = fixture("");
    let login = fixture.login(&["--device"]);
    login.url();
    authority.denies();
    let login = login.finish();
    assert_ne!(login.code(), Some(0), "{login:#?}");
    needs_sign_in(&fixture.print().run());
}

#[test]
fn a_sign_in_replaces_the_account_unless_it_names_one() {
    let (fixture, _authority) = fixture("");
    sign_in(&fixture, &[]);
    sign_in(&fixture, &[]);
    assert_eq!(fixture.print().run().key(), "access-2-1");
    sign_in(&fixture, &["--account", "work"]);
    assert_eq!(fixture.print().run().key(), "access-3-1", "what is named becomes the current one");
    let status = fixture.helper(&["status"]).run();
    assert!(status.exits(0).stdout.contains("work"), "{status:#?}");
    fixture.sandbox.dispatcher(&["logout", PROVIDER, "--account", "work"]).run().exits(0);
    assert_eq!(fixture.print().run().key(), "access-2-1");
}

#[test]
fn what_a_provider_offers_is_found_where_rfc_8414_says_too() {
    let (fixture, authority) = fixture("");
    authority.is_no_openid_provider();
    sign_in(&fixture, &[]);
    assert_eq!(fixture.print().run().key(), "access-1-1");
}

#[test]
fn what_says_that_it_is_somebody_else_is_not_believed() {
    let (fixture, authority) = fixture("");
    // As if another's document were served under the issuer's name (RFC 8414, 3.3).
    let other = Authority::start(&fixture.sandbox);
    let stolen = fetch(&other.server().url("/.well-known/openid-configuration"), &[]).text;
    let impostor = Server::start(move |_| Reply::json(200, &serde_json::from_str(&stolen).expect("JSON")));
    fixture.people(&impostor.url(""), "");
    let login = fixture.login(&["--no-browser"]).finish();
    assert!(matches!(login.code(), Some(75 | 78)), "{login:#?}");
    assert!(!login.stderr.contains("/authorize"), "{login:#?}");
    fixture.people(&authority.issuer(), "");
    authority.fails("/.well-known", Fault::Hangs, usize::MAX);
    let login = fixture.login(&["--no-browser"]).finish();
    login.fails(75);
}

#[test]
fn endpoints_that_are_written_out_need_no_discovery() {
    let (fixture, authority) = fixture("");
    fixture.provider(&format!(
        "authorization_endpoint = \"{0}/authorize\"\ntoken_endpoint = \"{0}/token\"\nclient_id = \"acme-cli\"\nstore = \"file\"",
        authority.issuer()
    ));
    sign_in(&fixture, &[]);
    assert_eq!(fixture.print().run().key(), "access-1-1");
    assert!(authority.server().asked().iter().all(|asked| !asked.path.contains("well-known")));
}

#[test]
fn a_client_with_a_secret_proves_itself_and_shows_it_nowhere() {
    for by_file in [true, false] {
        let (mut fixture, authority) = fixture("");
        let secret = fixture.sandbox.secret("client/+ secret").replace(' ', "_");
        authority.wants_secret(&secret);
        if by_file {
            fixture.sandbox.write("client-secret", format!("{secret}\n"));
            fixture.people(&authority.issuer(), "client_secret_file = \"~/client-secret\"");
        } else {
            fixture.sandbox.set("ACME_CLIENT_SECRET", &secret);
            fixture.people(&authority.issuer(), "client_secret_variable = \"ACME_CLIENT_SECRET\"");
        }
        sign_in(&fixture, &[]);
        assert_eq!(fixture.print().run().key(), "access-1-1");
        assert_eq!(authority.log(), ["code 1"]);
    }
}

#[test]
fn a_sign_in_warns_of_what_wins_over_it() {
    let (mut fixture, _authority) = fixture("default = true");
    fixture.sandbox.set("ANTHROPIC_AUTH_TOKEN", fixture.sandbox.secret("variable"));
    let login = sign_in(&fixture, &[]);
    assert!(login.stderr.contains("ANTHROPIC_AUTH_TOKEN"), "{login:#?}");
}

#[test]
fn status_names_the_provider_and_asks_no_server() {
    let (fixture, authority) = fixture("");
    let nobody = fixture.helper(&["status"]).run();
    assert!(nobody.stdout.contains(PROVIDER) || nobody.stderr.contains(PROVIDER), "{nobody:#?}");
    sign_in(&fixture, &[]);
    let asked = authority.server().asked().len();
    let status = fixture.helper(&["status"]).run();
    assert!(status.succeeds().stdout.contains(PROVIDER), "{status:#?}");
    let json = fixture.helper(&["status", "--json"]).run();
    let json: serde_json::Value = serde_json::from_str(&json.succeeds().stdout).expect("status in JSON");
    assert!(json.to_string().contains(PROVIDER), "{json}");
    assert_eq!(authority.server().asked().len(), asked);
}

#[test]
fn a_provider_that_nobody_configured_is_the_configuration_s_fault() {
    let (fixture, _authority) = fixture("");
    let login = fixture.sandbox.dispatcher(&["login", "other"]).run();
    assert!(login.fails(78).contains("other"));
    let get = fixture.sandbox.call(fixture.sandbox.bin("claude-credential-oauth"), &["--provider", "other", "get"]);
    assert_eq!(get.says(claude_credential_tests::oauth::ask(&[])).run().code(), Some(78));
}

fn fixture(more: &str) -> (Fixture, Authority) {
    let fixture = Fixture::new();
    let authority = Authority::start(&fixture.sandbox);
    fixture.people(&authority.issuer(), more);
    (fixture, authority)
}

/// By the way of the browser.
fn sign_in(fixture: &Fixture, options: &[&str]) -> Output {
    let login = fixture.login(&[&["--no-browser"], options].concat());
    fetch(&Browser::default().sign_in(&login.url()), &[]);
    let login = login.finish();
    signed_in(fixture, &login);
    login
}

#[track_caller]
fn signed_in(fixture: &Fixture, login: &Output) {
    login.exits(0);
    assert!(login.stderr.contains(PROVIDER) || login.stdout.contains(PROVIDER), "{login:#?}");
    let places = fixture.sandbox.files_with_secrets();
    assert!(!places.is_empty(), "tokens are kept in a file");
}

#[track_caller]
fn needs_sign_in(output: &Output) {
    let said = output.exits(77).error_line();
    assert!(said.contains(&format!("claude-credential login {PROVIDER}")), "{said}");
}
