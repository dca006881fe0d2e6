//! Google's machines and their metadata server, somebody else in its place, and nobody; other universes; and what stands
//! in the JWTs that we sign.
//!
//! `tests/run.sh` runs these, in a network of their own.

use std::io::Write;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use claude_credential_tests::cloud::silent;
use claude_credential_tests::google::{Fixture, HOST};
use claude_credential_tests::oauth::NOT_GIT;
use claude_credential_tests::{Answer, Call, Output, request, tool};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_metadata_server_that_is_not_there_or_never_answers_is_given_up() {
    // Told, not asserted: how long it takes is this machine's affair as well.
    let mut fixture = Fixture::new();
    fixture.set("GCE_METADATA_HOST", silent().trim_start_matches("http://"));
    let named = timed("it takes connections and never answers", fixture.get(HOST, &[]));
    assert!(named.exits(75).error_line().contains("GCE_METADATA_HOST"), "{named:#?}");

    fixture.sandbox.unset("GCE_METADATA_HOST");
    fixture.sandbox.unset("GCE_METADATA_IP");
    nothing(&timed("the network drops what is sent to its address", fixture.get(HOST, &[])));

    // As on a machine of no cloud's: there is no way to the address.
    let alone = fixture.sandbox.call(tool("unshare").expect("unshare"), &["--net", "--"]);
    let helper = alone.arg(fixture.sandbox.bin("claude-credential-vertex")).arg("get");
    nothing(&timed("there is none at all", helper.says(request(HOST, &NOT_GIT)).shows_secret()));

    fixture.set("GCE_METADATA_HOST", "127.0.0.1:9");
    let refused = timed("a variable names one where nobody is", fixture.get(HOST, &[]));
    assert!(refused.exits(75).error_line().contains("GCE_METADATA_HOST"), "{refused:#?}");
}

fn timed(what: &str, call: Call<'_>) -> Output {
    let output = call.run();
    // Not by a macro: the test runner swallows what those print.
    let _ = writeln!(std::io::stderr(), "{:>6} ms  {what}", output.took.as_millis());
    output
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_machine_of_googles_says_its_project_and_until_when_its_token_is_good() {
    let fixture = Fixture::new();
    fixture.cloud.lives("google metadata", 600);
    let output = fixture.get(HOST, &[]).run();
    let answer = Answer::parse(&output.succeeds().stdout);
    assert_eq!(answer.get("claude.project"), Some("fake-project"));
    assert_eq!(answer.get("claude.region"), Some("us-east5"));
    let until: u64 = answer.get("password_expiry_utc").and_then(|until| until.parse().ok()).expect("an end");
    let given = fixture.cloud.asked_for("google metadata")[0].until().expect("an end");
    // Counted from the question, so never later than the server says.
    assert!((given - 30..=given).contains(&until), "{until} of {given}");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn who_is_not_googles_metadata_server_is_not_believed() {
    let fixture = Fixture::new();
    fixture.cloud.is_taken_over("metadata probe");
    assert!(fixture.get(HOST, &[]).run().exits(78).error_line().contains("GCE_METADATA_HOST"));
    assert_eq!(fixture.cloud.count("google"), 0, "nobody is asked for a token who did not say who he is");

    let fixture = Fixture::new();
    fixture.cloud.fails("google metadata", 404);
    nothing(&fixture.get(HOST, &[]).run());

    let fixture = Fixture::new();
    fixture.cloud.fails("google metadata", 500);
    fixture.get(HOST, &[]).run().exits(75).error_line();

    let fixture = Fixture::new();
    fixture.cloud.redirects("google metadata", &fixture.cloud.url("/subject"));
    fixture.get(HOST, &[]).run().exits(75).error_line();
    assert_eq!(fixture.cloud.count("subject"), 0, "a redirect is followed");
}

#[track_caller]
fn nothing(output: &Output) {
    let answer = Answer::parse(&output.succeeds().stdout);
    assert!(answer.get("credential").is_none() && answer.get("quit").is_none(), "{:?}", answer.keys());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_key_of_another_universe_signs_its_token_by_itself_as_googles_libraries_do() {
    let mut fixture = Fixture::new();
    let mut file = fixture.service_account();
    file["universe_domain"] = "apis.example.cloud".into();
    fixture.credentials(&file);
    let output = fixture.get("u-x-aiplatform.apis.example.cloud", &[]).run();
    let answer = Answer::parse(&output.succeeds().stdout);
    let ours = answer.get("credential").expect("a token").to_owned();
    let python: Value = serde_json::from_str(&fixture.python().run().exits(0).stdout).expect("JSON");
    let theirs = [python["token"].as_str().expect("a token"), fixture.rust().run().exits(0).stdout.trim_end()]
        .map(|token| essence(&claims(token)));
    assert_eq!(fixture.cloud.count(""), 0, "nobody is asked");
    assert_eq!(theirs, [essence(&claims(&ours)), essence(&claims(&ours))]);
    assert!(is_signed(&file, &ours), "by the key in the file");
    // Nobody gets it for Google's own.
    fixture.get(HOST, &[]).run().exits(78).error_line();
}

/// What is the same in each of them.
fn essence(claims: &Value) -> Value {
    json!({ "iss": claims["iss"], "sub": claims["sub"], "scope": claims["scope"] })
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn what_differs_in_a_jwt_is_what_google_does_not_mind() {
    let mut fixture = Fixture::new();
    let file = fixture.service_account();
    fixture.credentials(&file);
    fixture.get(HOST, &[]).run().succeeds();
    fixture.python().run().exits(0);
    let [ours, theirs] = &fixture.questions(0)[..] else { panic!("two questions") };
    assert_eq!(ours.asks, theirs.asks);
    // The id of the key only spares Google to look through those that the account has: at most ten. And a JWT that
    // ends some seconds before it had to is one that no clock makes too long.
    assert_eq!(theirs.detail, json!({ "header": { "kid": "0123456789abcdef", "typ": "JWT" }, "life": 3600 }));
    assert_eq!(ours.detail, json!({ "header": { "typ": "JWT" }, "life": 3595 }));
}

/// The claims of a JWT.
fn claims(jwt: &str) -> Value {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).expect("claims")).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn is_signed(file: &Value, jwt: &str) -> bool {
    let pem = file["private_key"].as_str().expect("a key");
    let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let text: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    let der = base64::prelude::BASE64_STANDARD.decode(text).expect("base64");
    let key = RsaKeyPair::from_pkcs8(&der).expect("a key in PKCS #8");
    let (signed, signature) = jwt.rsplit_once('.').expect("a signature");
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key()).verify(signed.as_bytes(), &signature).is_ok()
}
