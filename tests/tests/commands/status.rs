//! `status`: a line a profile, and nobody is asked for it.

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Fake, Sandbox};
use serde_json::{Value, json};

#[test]
fn each_profile_says_what_would_answer_and_who_uses_it_and_nobody_is_asked() {
    let (sandbox, fake) = fixture();
    let found = status(&sandbox, &[], 0);
    assert_eq!(names(&found), ["default", "out", "work"]);
    let [default, out, work] = [0, 1, 2].map(|at| &found["profiles"][at]);
    assert_eq!(
        (&default["state"], &default["entry"], &default["here"]),
        (&json!("asked"), &json!("acme"), &json!(true))
    );
    assert_eq!((&work["hosts"], &work["state"]), (&json!(["gateway.acme.example"]), &json!("nothing")));
    let directory = sandbox.home().join("code/acme");
    assert_eq!(work["directories"], json!([directory.to_str().expect("a path")]));
    let problem = "not signed in to out; run: claude-credential login out";
    assert_eq!((&out["state"], &out["problem"]), (&json!("problem"), &json!(problem)));
    assert_eq!(fake.runs(), 0);

    assert_eq!(sandbox.print().run().key(), "key-1");
    let default = &status(&sandbox, &[], 0)["profiles"][0];
    assert_eq!((&default["state"], &default["account"]), (&json!("answers"), &json!("me@acme.example")));
    assert!(default["expires_at"].is_string());
    assert_eq!(fake.runs(), 1);
    let text = &sandbox.dispatcher(&["status"]).run().succeeds().stdout.clone();
    assert!(text.contains("✓ default  acme") && text.contains("me@acme.example") && text.contains(problem), "{text}");
    assert!(text.contains("✗ out") && text.contains("· work") && text.contains("~/code/acme"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn the_profile_of_this_folder_stands_first_and_one_that_is_named_stands_alone() {
    let (sandbox, _fake) = fixture();
    let output = sandbox.dispatcher(&["status", "--json"]).in_folder(&sandbox.folder("code/acme/below")).run();
    let found: Value = serde_json::from_str(&output.succeeds().stdout).expect("JSON");
    assert_eq!(names(&found), ["work", "default", "out"]);
    assert_eq!(names(&status(&sandbox, &["--profile", "default"], 0)), ["default"]);
    let missing = sandbox.dispatcher(&["status", "--profile", "missing"]).run();
    assert!(missing.fails(78).contains("default, out, work"), "{missing:#?}");
}

#[test]
fn variables_and_kept_keys_are_told_by_where_they_are() {
    let mut sandbox = Sandbox::new();
    sandbox.config("key_store = \"file\"\n");
    let line = |sandbox: &Sandbox| {
        let found = status(sandbox, &[], 0)["profiles"][0].clone();
        json!([found["state"], found["entry"], found["source"], found["kept_in"]])
    };
    assert_eq!(line(&sandbox), json!(["nothing", null, null, null]));
    sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run().exits(0);
    assert_eq!(line(&sandbox), json!(["asked", "api-key", "kept key", "file"]));
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key"));
    assert_eq!(line(&sandbox), json!(["answers", "api-key", "env:ANTHROPIC_API_KEY", "variable"]));
    sandbox.set("ANTHROPIC_AUTH_TOKEN", sandbox.secret("token"));
    assert_eq!(line(&sandbox), json!(["answers", "auth-token", "env:ANTHROPIC_AUTH_TOKEN", "variable"]));
}

#[test]
fn a_life_that_is_too_short_is_exit_1() {
    let (sandbox, _fake) = fixture();
    assert_eq!(sandbox.print().run().key(), "key-1");
    status(&sandbox, &["--min-ttl", "10m"], 0);
    let found = status(&sandbox, &["--min-ttl", "3h"], 1);
    assert_eq!((&found["min_ttl_seconds"], &found["profiles"][0]["lives_too_short"]), (&json!(10_800), &json!(true)));
    let text = sandbox.dispatcher(&["status", "--min-ttl", "3h"]).run();
    assert!(text.exits(1).stdout.contains("it lives shorter than 3 h"), "{text:#?}");
    // Where there is nothing at all, nothing lives that long.
    status(&sandbox, &["--min-ttl", "10m", "--profile", "work"], 1);
    status(&sandbox, &["--profile", "work"], 0);
    assert_eq!(sandbox.dispatcher(&["status", "--min-ttl", "soon"]).run().exits(2).stdout, "");
}

#[test]
fn with_a_name_it_is_the_helper_s_own() {
    let (sandbox, _fake) = fixture();
    let output = sandbox.dispatcher(&["status", "out", "--json"]).run();
    let found: Value = serde_json::from_str(&output.succeeds().stdout).expect("JSON");
    assert_eq!((&found["logins"][0]["provider"], &found["logins"][0]["signed_in"]), (&json!("out"), &json!(false)));
    assert_eq!(sandbox.dispatcher(&["status", "out", "--min-ttl", "10m"]).run().code(), Some(2));
}

/// A helper whose answers end in two hours, a provider to which nobody is signed in, and a profile without anything.
fn fixture() -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let secret = sandbox.secret("key-1");
    let lines = vec!["claude.account=me@acme.example".to_owned()];
    let fake = sandbox.fake("acme", &Script::new(Does::Answers { secret, expires_in: Some(7200), lines }));
    let work =
        "[profile.work]\nhosts = [\"gateway.acme.example\"]\nchain = [\"api-key\"]\ndirectories = [\"~/code/acme\"]\n";
    let out = "[profile.out]\nchain = [\"out\"]\n[provider.out]\nissuer = \"https://login.acme.example\"\nclient_id = \"x\"\n";
    sandbox.config(&format!("[profile.default]\nchain = [\"acme\"]\n{work}{out}{}", fake.entry()));
    (sandbox, fake)
}

fn names(found: &Value) -> Vec<&str> {
    found["profiles"].as_array().expect("profiles").iter().filter_map(|it| it["profile"].as_str()).collect()
}

#[track_caller]
fn status(sandbox: &Sandbox, args: &[&str], code: i32) -> Value {
    let output = sandbox.dispatcher(&["status", "--json"]).args(args).run();
    assert_eq!(output.stderr, "", "{output:#?}");
    let found: Value = serde_json::from_str(&output.exits(code).stdout).expect("JSON");
    super::schema::conforms("status", &found);
    found
}
