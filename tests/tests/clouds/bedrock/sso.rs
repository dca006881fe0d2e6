//! AWS's single sign-on: tokens that are good, that can be renewed, and that a person has to renew.
//!
//! `tests/run.sh` runs these, in a network of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use claude_credential_tests::aws::{Answered, Fixture, Sso, Until, aws, fails, run};
use claude_credential_tests::cloud::silent;
use claude_credential_tests::{Running, label, wait_until};
use rustix::process::Signal;

const START_URL: &str = "https://acme.awsapps.com/start";
const KEYS: (&str, Option<&str>) = ("sso-secret-1", Some("sso-token-1"));
const LOGIN: &str = "aws sso login --profile dev";

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn sso() {
    let (secret, token) = KEYS;
    run(&[
        aws("a token that is good", good, secret, token, Until::Given).asks("sso", 1).asks("oidc", 0).asks("imds", 0),
        aws("the default profile", good_default, secret, token, Until::Given).asks("sso", 1).in_region("eu-west-1"),
        aws("a profile of old, without a session", old_form, secret, token, Until::Given)
            .asks("sso", 1)
            .asks("imds", 0),
        aws("over, with a refresh token", over, secret, token, Until::Given).asks("oidc", 1).asks("sso", 1),
        aws("nearly over, with a refresh token", nearly_over, secret, token, Until::Given).asks("oidc", 1),
        aws("nearly over, and it can't be renewed now", oidc_broken, secret, token, Until::Given).asks("sso", 1),
        aws("nearly over, and who renews it never answers", oidc_silent, secret, token, Until::Given)
            .asks("sso", 1)
            .in_vain(),
        aws("the portal stumbles", stumbles, secret, token, Until::Given).asks("sso", 2),
        aws("good, but not to the portal", unknown, secret, token, Until::Given).asks("oidc", 1).asks("sso", 2),
        fails("over, without a refresh token", over_for_good, 77, &[]).mended_by(LOGIN).asks("", 0),
        fails("over, in the form of old", old_form_over, 77, &[]).mended_by(LOGIN).asks("", 0),
        fails("over, in the default profile", over_default, 77, &[]).mended_by("aws sso login").asks("", 0),
        fails("over, and the refresh token is refused", refresh_refused, 77, &[]).mended_by(LOGIN).asks("sso", 0),
        fails("unknown to the portal, without a refresh token", unknown_for_good, 77, &[])
            .mended_by(LOGIN)
            .asks("sso", 1),
        fails("somebody else answers", portal_page, 75, &[]).asks("imds", 0),
        fails("the portal sends us elsewhere", portal_redirects, 75, &[]).asks("imds", 0),
        fails("over, and OIDC sends us elsewhere", oidc_redirects, 75, &[]).asks("imds", 0),
        fails("nobody is signed in", nobody, 77, &[]).mended_by(LOGIN).asks("", 0),
        fails("the role is not for us", forbidden, 78, &["dev"]).asks("imds", 0),
        fails("over, and it can't be renewed now", over_oidc_broken, 75, &[]).asks("imds", 0).in_vain(),
        fails("the portal is broken", portal_broken, 75, &[]).asks("imds", 0).in_vain(),
        fails("the portal never answers", portal_silent, 75, &[]).asks("imds", 0).in_vain(),
        fails("the portal is not there", portal_gone, 75, &[]).asks("imds", 0).in_vain(),
        fails("a file with half a token", torn, 77, &[]).mended_by(LOGIN).asks("", 0),
        fails("a session that is nowhere", no_session, 78, &["acmee", ".aws/config"]).asks("", 0),
        fails("keys that look over, by a clock that is ahead", clock_ahead, 78, &["180 min ahead", "set the clock"]),
        aws("keys of a clock that is behind", clock_behind, "sso-secret-1", Some("sso-token-1"), Until::Given),
        fails("no account", no_account, 78, &["sso_account_id"]).asks("", 0),
    ]);
}

fn profile(fixture: &mut Fixture) {
    fixture.set("AWS_PROFILE", "dev");
    fixture.config(&format!("[profile dev]\n{}", session("acme")));
}

fn session(name: &str) -> String {
    format!(
        "sso_session = {name}\nsso_account_id = 123456789012\nsso_role_name = Developer\nregion = eu-west-1\n\
         [sso-session acme]\nsso_region = us-east-1\nsso_start_url = {START_URL}\n"
    )
}

fn signed_in(fixture: &mut Fixture, seconds: i64, refresh: Option<&str>) {
    profile(fixture);
    fixture.signed_in(Sso { of: "acme", seconds, refresh });
}

fn good(fixture: &mut Fixture) {
    signed_in(fixture, 3600, Some("refresh-0"));
}

/// A sign-in would bring keys that look over, too, and so on for ever.
fn clock_ahead(fixture: &mut Fixture) {
    good(fixture);
    fixture.cloud.is_behind(10_800);
}

fn clock_behind(fixture: &mut Fixture) {
    good(fixture);
    fixture.cloud.is_behind(-10_800);
}

fn good_default(fixture: &mut Fixture) {
    fixture.config(&format!("[default]\n{}", session("acme")));
    fixture.signed_in(Sso { of: "acme", seconds: 3600, refresh: None });
}

fn old(fixture: &mut Fixture, seconds: i64) {
    fixture.set("AWS_PROFILE", "dev");
    fixture.config(&format!(
        "[profile dev]\nsso_start_url = {START_URL}\nsso_region = us-east-1\nsso_account_id = 123456789012\n\
         sso_role_name = Developer\n"
    ));
    fixture.signed_in(Sso { of: START_URL, seconds, refresh: None });
}

fn old_form(fixture: &mut Fixture) {
    old(fixture, 3600);
}

fn old_form_over(fixture: &mut Fixture) {
    old(fixture, -60);
}

fn over(fixture: &mut Fixture) {
    signed_in(fixture, -60, Some("refresh-0"));
}

fn nearly_over(fixture: &mut Fixture) {
    signed_in(fixture, 60, Some("refresh-0"));
}

fn oidc_broken(fixture: &mut Fixture) {
    nearly_over(fixture);
    fixture.cloud.fails("oidc", 500);
}

fn oidc_silent(fixture: &mut Fixture) {
    nearly_over(fixture);
    fixture.cloud.hangs("oidc");
}

fn stumbles(fixture: &mut Fixture) {
    good(fixture);
    fixture.cloud.fails_times("sso", 500, 1);
}

fn over_oidc_broken(fixture: &mut Fixture) {
    over(fixture);
    fixture.cloud.fails("oidc", 500);
}

/// Somebody signed out elsewhere.
fn unknown(fixture: &mut Fixture) {
    good(fixture);
    fixture.cloud.refuses("sso-first");
}

fn unknown_for_good(fixture: &mut Fixture) {
    signed_in(fixture, 3600, None);
    fixture.cloud.refuses("sso-first");
}

fn over_for_good(fixture: &mut Fixture) {
    signed_in(fixture, -60, None);
}

fn over_default(fixture: &mut Fixture) {
    good_default(fixture);
    fixture.signed_in(Sso { of: "acme", seconds: -60, refresh: None });
}

fn portal_page(fixture: &mut Fixture) {
    good(fixture);
    fixture.cloud.is_taken_over("sso");
}

fn portal_redirects(fixture: &mut Fixture) {
    good(fixture);
    fixture.cloud.redirects("sso", &fixture.cloud.url("/latest/api/token"));
}

fn oidc_redirects(fixture: &mut Fixture) {
    over(fixture);
    fixture.cloud.redirects("oidc", &fixture.cloud.url("/latest/api/token"));
}

fn refresh_refused(fixture: &mut Fixture) {
    signed_in(fixture, -60, Some("used-0"));
}

fn nobody(fixture: &mut Fixture) {
    profile(fixture);
}

fn forbidden(fixture: &mut Fixture) {
    good(fixture);
    fixture.config(&format!("[profile dev]\n{}", session("acme").replace("Developer", "Forbidden")));
}

fn portal_broken(fixture: &mut Fixture) {
    good(fixture);
    fixture.cloud.fails("sso", 500);
}

fn portal_silent(fixture: &mut Fixture) {
    good(fixture);
    fixture.set("AWS_ENDPOINT_URL_SSO", silent());
}

fn portal_gone(fixture: &mut Fixture) {
    good(fixture);
    fixture.set("AWS_ENDPOINT_URL_SSO", "http://127.0.0.1:9");
}

/// The CLI writes it in place: whoever comes meanwhile meets half of it.
fn torn(fixture: &mut Fixture) {
    good(fixture);
    let path = fixture.sso_file("acme");
    let text = fs::read_to_string(&path).expect("a file");
    fixture.sandbox.write(path, &text[..text.len() / 2]);
}

fn no_session(fixture: &mut Fixture) {
    good(fixture);
    fixture.config(&format!("[profile dev]\n{}", session("acmee")));
}

fn no_account(fixture: &mut Fixture) {
    good(fixture);
    fixture.config(&format!("[profile dev]\n{}", session("acme").replace("sso_account_id = 123456789012\n", "")));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_renewed_token_is_where_aws_s_own_tools_look_for_it() {
    let mut fixture = Fixture::new();
    over(&mut fixture);
    fixture.cloud.lives("oidc", 7200);
    assert_eq!(fixture.answer(&[]).secret, "sso-secret-1");
    let path = fixture.sso_file("acme");
    let text = fs::read_to_string(&path).expect("a file");
    let token: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let name = |key: &str| token[key].as_str().map(label);
    assert_eq!(name("accessToken").as_deref(), Some("sso-access-1"));
    assert_eq!(name("refreshToken").as_deref(), Some("refresh-1"));
    assert_eq!(name("clientSecret").as_deref(), Some("client"), "what it was signed in with stays");
    assert_eq!(token["startUrl"], START_URL);
    assert!(
        token["expiresAt"].as_str().is_some_and(|at| at.len() == 20 && at.ends_with('Z')),
        "{}",
        token["expiresAt"]
    );
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // And whoever comes next finds it there.
    assert_eq!(fixture.answer(&[]).secret, "sso-secret-2");
    assert_eq!(fixture.cloud.count("oidc"), 1);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn many_at_once_renew_once() {
    let mut fixture = Fixture::new();
    over(&mut fixture);
    let running: Vec<Running<'_>> = (0..20).map(|_| fixture.get(&[], &[]).start()).collect();
    for one in running {
        assert!(Answered::of(&one.finish()).secret.starts_with("sso-secret-"));
    }
    assert_eq!(fixture.cloud.count("oidc"), 1, "a refresh token is good once");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_renewal_that_has_begun_is_not_lost_to_a_signal() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut fixture = Fixture::new();
        over(&mut fixture);
        fixture.cloud.delays("oidc", 1);
        let running = fixture.get(&[], &[]).start();
        wait_until(|| fixture.cloud.count("oidc") == 1);
        running.signal(signal);
        running.finish();
        // Whatever became of that call: its refresh token is used up, so what came for it has to be there.
        wait_until(|| fixture.cloud.asked_for("oidc")[0].until().is_some());
        assert!(fixture.answer(&[]).secret.starts_with("sso-secret-"), "{signal:?}");
        assert_eq!(fixture.cloud.count("oidc"), 1, "{signal:?}");
    }
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_role_of_the_profile_is_asked_for() {
    let mut fixture = Fixture::new();
    good(&mut fixture);
    fixture.answer(&[]);
    let [asked] = &fixture.cloud.asked_for("sso")[..] else { panic!("{:?}", fixture.cloud.asked()) };
    assert_eq!((asked.told("account"), asked.told("role")), (Some("123456789012"), Some("Developer")));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn login_is_aws_s_own_and_nothing_else_begins_one() {
    let mut fixture = Fixture::new();
    profile(&mut fixture);
    let called = fixture.sandbox.root().join("called");
    fixture.sandbox.script("aws", &format!("echo \"$@\" >>'{}'", called.display()));
    fixture.get(&[], &["claude.interactive=auto"]).run().exits(77);
    fixture.print(&[], "json").run().exits(77);
    assert!(!called.exists(), "a sign-in is for a person to begin");
    fixture.helper(&["login"]).run().exits(0);
    assert_eq!(fs::read_to_string(&called).expect("the CLI was called"), "sso login --profile dev\n");

    fixture.sandbox.script("aws", "exit 1");
    let failed = fixture.helper(&["login"]).run();
    assert!(failed.exits(77).stderr.trim_end().ends_with(LOGIN), "{failed:#?}");
    fs::remove_file(fixture.sandbox.bin("aws")).expect("a script");
    let missing = fixture.helper(&["login"]).with("PATH", fixture.sandbox.root().join("bin")).run();
    assert!(missing.fails(78).ends_with(LOGIN), "{missing:#?}");
    fixture.keys("base", "AKIABASE");
    let pointless = fixture.helper(&["--aws-profile", "base", "login"]).run();
    assert!(pointless.fails(78).ends_with("aws configure sso --profile base"), "{pointless:#?}");
}
