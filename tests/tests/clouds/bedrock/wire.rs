//! What a caller can ask of AWS credentials: a proof, a session, another set, a format.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{Answered, Fixture, HOST, Sso, Until, aws, fails, run};
use claude_credential_tests::cloud::silent;
use claude_credential_tests::oauth::{CertificateAuthority, Proxy, Reply, now};
use claude_credential_tests::{Answer, Output, label, request};
use serde_json::Value;

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_live_check_asks_sts() {
    let ask = |id: &str, sts: Option<&str>| {
        let mut fixture = Fixture::new();
        fixture.environment(id, false);
        if let Some(sts) = sts {
            fixture.set("AWS_ENDPOINT_URL_STS", sts);
        }
        let plain = fixture.get(&[], &[]).run();
        assert_eq!(Answered::of(&plain).secret, "env-secret", "nobody proves what nobody asked to");
        assert_eq!(fixture.cloud.count(""), 0);
        let deadline = format!("claude.deadline={}", (now() + 6) * 1000);
        let live = fixture.get(&[], &["claude.check=live", &deadline]).run();
        (live, fixture.cloud.count("sts GetCallerIdentity"))
    };
    let (good, asked) = ask("AKIAENV", None);
    assert_eq!((Answered::of(&good).secret.as_str(), asked), ("env-secret", 1));
    for id in ["AKIAEXPIRED", "AKIAUNKNOWN"] {
        let (refused, asked) = ask(id, None);
        assert_eq!(asked, 1);
        assert!(refused.exits(77).error_line().contains("AWS_ACCESS_KEY_ID"), "{refused:#?}");
    }
    for sts in [silent().as_str(), "http://127.0.0.1:9"] {
        let (unreachable, _) = ask("AKIAENV", Some(sts));
        unreachable.exits(75).error_line();
    }
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn long_lived_keys_are_exchanged_for_a_session_where_that_is_asked_for() {
    let (secret, token) = ("GetSessionToken-secret-1", Some("GetSessionToken-token-1"));
    run(&[
        aws("a session", keys, secret, token, Until::Given).with(&["--session"]).asks("sts GetSessionToken", 1),
        aws("what is a session is left alone", session, "env-secret", Some("env-token"), Until::Never)
            .with(&["--session"])
            .asks("", 0),
        fails("keys that are refused", refused, 77, &["AWS_ACCESS_KEY_ID"]).with(&["--session"]),
        fails("STS never answers", sts_silent, 75, &[]).with(&["--session"]).in_vain(),
    ]);
}

fn keys(fixture: &mut Fixture) {
    fixture.environment("AKIAENV", false);
}

fn session(fixture: &mut Fixture) {
    fixture.environment("ASIAENV", true);
}

fn refused(fixture: &mut Fixture) {
    fixture.environment("AKIAUNKNOWN", false);
}

fn sts_silent(fixture: &mut Fixture) {
    keys(fixture);
    fixture.set("AWS_ENDPOINT_URL_STS", silent());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn every_format_is_exact() {
    let mut fixture = Fixture::new();
    fixture.environment("AKIAENV", false);
    let refused = fixture.print(&[], "sts").run();
    let said = refused.fails(78);
    assert!(said.contains("session token") && said.contains("--session"), "it says why, and the way out: {said}");
    let flat = json(&fixture.print(&[], "credential-process").run());
    assert_eq!(keys_of(&flat), ["AccessKeyId", "SecretAccessKey", "Version"]);
    for format in ["env", "json"] {
        assert!(fixture.print(&[], format).run().succeeds().stdout.contains("env-secret"));
    }
    for format in ["key", "header", "curl", "headers-json"] {
        fixture.print(&[], format).run().fails(78);
    }

    let sts = json(&fixture.print(&["--session"], "sts").run());
    assert_eq!(keys_of(&sts), ["Credentials"]);
    let keys = &sts["Credentials"];
    assert_eq!(keys_of(keys), ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken"]);
    assert_eq!(keys["SecretAccessKey"].as_str().map(label).as_deref(), Some("GetSessionToken-secret-1"));
    assert_eq!(keys["SessionToken"].as_str().map(label).as_deref(), Some("GetSessionToken-token-1"));
    let flat = json(&fixture.print(&["--session"], "credential-process").run());
    assert_eq!(keys_of(&flat), ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"]);
    assert_eq!(flat["Version"], 1);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn what_the_environment_says_is_kept_nowhere_else() {
    let mut fixture = Fixture::new();
    fixture.environment("ASIAENV", true);
    assert!(fixture.answer(&[]).ephemeral);
    fixture.sandbox.unset("AWS_ACCESS_KEY_ID");
    fixture.sandbox.unset("AWS_SECRET_ACCESS_KEY");
    fixture.sandbox.unset("AWS_SESSION_TOKEN");
    assert!(!fixture.answer(&[]).ephemeral, "the machine's are good until they end, and may be kept");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn what_was_refused_is_asked_for_anew() {
    let fixture = Fixture::new();
    let first = fixture.answer(&[]);
    let refused = format!("password={}", fixture.sandbox.secret(&first.secret));
    let second = Answered::of(&fixture.get(&[], &["claude.reason=rejected", &refused]).run());
    assert_eq!([first.secret, second.secret], ["imds-secret-1", "imds-secret-2"]);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_refused_sso_set_renews_the_token_too() {
    let mut fixture = Fixture::new();
    fixture.set("AWS_PROFILE", "dev");
    fixture.config(
        "[profile dev]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Developer\n\
         [sso-session acme]\nsso_region = us-east-1\nsso_start_url = https://acme.awsapps.com/start\n",
    );
    fixture.signed_in(Sso { of: "acme", seconds: 3600, refresh: Some("refresh-0") });
    let first = fixture.answer(&[]);
    assert_eq!(fixture.cloud.count("oidc"), 0);
    let refused = format!("password={}", fixture.sandbox.secret(&first.secret));
    let second = Answered::of(&fixture.get(&[], &["claude.reason=rejected", &refused]).run());
    assert_eq!((second.secret.as_str(), fixture.cloud.count("oidc")), ("sso-secret-2", 1));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn git_hears_of_the_bearer_token_alone() {
    let mut fixture = Fixture::new();
    let git = fixture.git_get(HOST, &[]).run();
    assert_eq!(git.succeeds().stdout.trim_end(), "");
    assert_eq!(fixture.cloud.count(""), 0, "no server is asked for what the caller can't be told");
    fixture.set("AWS_BEARER_TOKEN_BEDROCK", fixture.sandbox.secret("bedrock"));
    let answer = Answer::parse(&fixture.git_get(HOST, &[]).run().succeeds().stdout);
    assert_eq!(answer.get("username"), Some("oauth2"));
    assert_eq!(answer.get("password").map(label).as_deref(), Some("bedrock"));
    assert!(answer.keys().iter().all(|key| !key.starts_with("claude.")), "{:?}", answer.keys());
    // git may have the host from a repository, and the gateway's variable is no list of the user's.
    fixture.set("ANTHROPIC_BEDROCK_BASE_URL", "https://bedrock.acme.example");
    let elsewhere = fixture.git_get("bedrock.acme.example", &[]).run();
    assert_eq!(elsewhere.succeeds().stdout.trim_end(), "");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn store_and_erase_are_silence() {
    let fixture = Fixture::new();
    let secret = format!("password={}", fixture.sandbox.secret("offered"));
    for operation in ["store", "erase"] {
        let said = fixture.helper(&[operation]).says(request(HOST, &["username=AKIAENV", &secret])).run();
        assert_eq!(said.succeeds().stdout, "");
    }
    assert_eq!(fixture.cloud.count(""), 0);
    assert!(fixture.sandbox.files_with_secrets().is_empty());
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_str(&output.succeeds().stdout).expect("JSON")
}

fn keys_of(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_certificate_of_nobody_known_is_told_as_one() {
    // As in a company whose proxy looks into TLS.
    let authority = CertificateAuthority::new();
    let pem = authority.pem();
    let proxy = Proxy::start(authority, |_| Reply::page(503, "busy"));
    let mut fixture = Fixture::new();
    fixture.environment("AKIAENV", false);
    fixture.sandbox.unset("AWS_ENDPOINT_URL_STS");
    fixture.set("HTTPS_PROXY", proxy.url());
    let proof = ["claude.check=live"];
    let said = fixture.get(&[], &proof).run();
    let line = said.exits(75).error_line();
    assert!(line.contains("the certificate of STS") && line.ends_with("AWS_CA_BUNDLE"), "{line}");
    let bundle = fixture.sandbox.write("corp.pem", pem);
    fixture.set("AWS_CA_BUNDLE", bundle.to_str().expect("a name in UTF-8"));
    let said = fixture.get(&[], &proof).run();
    let line = said.exits(75).error_line();
    assert!(line.contains("status 503"), "with that it is trusted: {line}");
}
