//! Who takes what we print: the real AWS CLI and botocore, by `credential_process`; Claude Code, by
//! `awsCredentialExport`. The configurations are those of docs/bedrock.md.
//!
//! `tests/run.sh` runs these, in a network of their own.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use claude_credential_tests::aws::{Fixture, Sso};
use claude_credential_tests::cloud::{moto, python_program};
use claude_credential_tests::document::blocks;
use claude_credential_tests::oauth::now;
use claude_credential_tests::{Call, Output, label, workspace};
use serde_json::Value;

const SESSION: &str = "[sso-session acme]\nsso_region = us-east-1\nsso_start_url = https://acme.awsapps.com/start\n";

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_readme_s_three_profiles_work_in_the_real_cli() {
    let fixture = reader();
    for (profile, signer) in [
        ("work", "ASIASSO000000000"),
        ("team", "ASIAASSUMEROLE00"),
        // From here its credentials are those of `team`, and the CLI knows nothing of how they came about.
        ("cached", "ASIAASSUMEROLE00"),
    ] {
        let said = identity(&cli(&fixture, &["--profile", profile]));
        assert_eq!(said["Account"], "123456789012", "{profile}");
        let asked = fixture.cloud.asked_for("sts GetCallerIdentity");
        let used = asked.last().and_then(|asked| asked.signer()).expect("a signer").to_owned();
        assert!(used.starts_with(signer), "{profile}: {used}");
        let ours = fixture.answer(&["--aws-profile", profile]);
        assert!(ours.id.starts_with(signer) && ours.until.is_some(), "{profile}: {ours:?}");
    }
    // The CLI keeps the role that it took by itself, for `team`.
    fs::remove_dir_all(fixture.sandbox.home().join(".aws/cli")).expect("the CLI's own cache");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_real_cli_takes_a_role_of_a_real_sts() {
    let mut fixture = Fixture::new();
    fixture.set("AWS_ENDPOINT_URL_STS", moto());
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!(
        "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/work\nsource_profile = base\n\
         role_session_name = alice\n[default]\nregion = us-east-1\ncredential_process = {}\n",
        process(&fixture, "work"),
    ));
    let said = identity(&cli(&fixture, &[]));
    assert_eq!(said["Arn"], "arn:aws:sts::123456789012:assumed-role/work/alice");
    // moto chooses its own secrets, which no canary is in.
    let keys: Value =
        serde_json::from_str(&fixture.print(&["--aws-profile", "work"], "sts").run().succeeds().stdout).expect("JSON");
    assert!(keys["Credentials"]["AccessKeyId"].as_str().is_some_and(|id| id.starts_with("ASIA")));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_real_cli_shows_why_there_is_nothing() {
    let fixture = reader();
    fs::remove_file(fixture.sso_file("acme")).expect("nobody is signed in");
    let said = cli(&fixture, &["--profile", "cached"]);
    assert_ne!(said.code(), Some(0));
    assert!(said.stderr.contains("aws sso login --profile work"), "{said:#?}");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn botocore_asks_anew_when_credentials_end() {
    // https://github.com/boto/botocore: less than ten minutes to live, and it waits for others.
    for (seconds, expected) in [(3600, [1, 1, 1]), (300, [2, 3, 4])] {
        let fixture = Fixture::new();
        fixture.keys("base", "AKIABASE");
        fixture.config(&format!(
            "[profile work]\nrole_arn = arn:aws:iam::123456789012:role/work\nsource_profile = base\n\
             [default]\nregion = us-east-1\ncredential_process = {}\n",
            process(&fixture, "work"),
        ));
        fixture.cloud.lives("sts AssumeRole", seconds);
        let script = "
import botocore.session
client = botocore.session.Session().create_client('sts')
for _ in range(3):
    print(client.get_caller_identity()['UserId'])
";
        let said = fixture.sandbox.call(python_program("python"), &["-c", script]).run();
        let used: Vec<&str> = said.succeeds().stdout.lines().collect();
        let last = expected[2];
        let expected: Vec<String> = expected.iter().map(|number| format!("ASIAASSUMEROLE00{number:08}")).collect();
        assert_eq!(used, expected, "with {seconds} s to live");
        assert_eq!(fixture.cloud.count("sts AssumeRole"), last, "with {seconds} s to live");
    }
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn claude_code_s_export_is_exact_and_asked_once_until_it_is_due() {
    let fixture = client();
    let first = export(&fixture).run();
    let keys: Value = serde_json::from_str(&first.succeeds().stdout).expect("JSON");
    let names = |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&keys), ["Credentials"]);
    let keys = &keys["Credentials"];
    let mut fields = names(keys);
    fields.sort();
    assert_eq!(fields, ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken"]);
    assert_eq!(keys["SecretAccessKey"].as_str().map(label).as_deref(), Some("sso-secret-1"));
    assert_eq!(keys["SessionToken"].as_str().map(label).as_deref(), Some("sso-token-1"));
    assert!(
        keys["Expiration"].as_str().is_some_and(|at| at.len() == 20 && at.ends_with('Z')),
        "{}",
        keys["Expiration"]
    );
    let second = export(&fixture).run();
    assert!(first.stdout == second.stdout, "the second one was kept");
    assert_eq!(fixture.cloud.count("sso"), 1);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn what_is_over_or_refused_is_kept_no_longer() {
    let fixture = client();
    fixture.cloud.lives("sso credentials", 3);
    secret(&export(&fixture).run());
    let until = fixture.cloud.asked().iter().find_map(claude_credential_tests::cloud::Asked::until).expect("an end");
    while now() < until {
        thread::sleep(Duration::from_millis(100));
    }
    fixture.cloud.lives("sso credentials", 3600);
    let second = secret(&export(&fixture).run());
    assert_eq!(second, "sso-secret-2");
    assert_eq!(secret(&export(&fixture).run()), second);
    let third = secret(&export(&fixture).arg("--rejected").run());
    assert_eq!((third.as_str(), fixture.cloud.count("sso")), ("sso-secret-3", 3));
    assert_eq!(secret(&export(&fixture).run()), third);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn many_sessions_that_start_together_ask_once() {
    let fixture = client();
    let running: Vec<_> = (0..20).map(|_| export(&fixture).start()).collect();
    for one in running {
        assert_eq!(secret(&one.finish()), "sso-secret-1");
    }
    assert_eq!(fixture.cloud.count("sso"), 1);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn an_api_key_helper_that_is_set_for_bedrock_says_what_belongs_there() {
    let fixture = client();
    let said = fixture.sandbox.dispatcher(&["api-key-helper"]).run();
    assert!(said.fails(78).contains("print --format sts"), "{said:#?}");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn with_bedrock_nobody_else_is_asked_and_without_its_sign_in_the_usual_chain_is() {
    let mut fixture = client();
    fixture.set("ANTHROPIC_API_KEY", fixture.sandbox.secret("metered"));
    assert_eq!(secret(&export(&fixture).run()), "sso-secret-1");
    fs::remove_file(fixture.sso_file("acme")).expect("nobody is signed in");
    let said = fixture.sandbox.dispatcher(&["--no-cache", "print", "--format", "sts"]).run();
    assert!(said.fails(77).ends_with("aws sso login --profile work"), "{said:#?}");
    fixture.set("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1");
    assert_eq!(fixture.sandbox.print().run().key(), "metered");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn twenty_sessions_that_wake_together_sign_in_once() {
    let fixture = client();
    fixture.signed_in(Sso { of: "acme", seconds: 3600, refresh: None });
    let fresh = fs::read_to_string(fixture.sso_file("acme")).expect("a sign-in");
    fixture.sandbox.write("fresh", fresh);
    let sign_in = aws(&fixture, &format!("cp ~/fresh '{}'", fixture.sso_file("acme").display()));

    refresh(&fixture).run().succeeds();
    assert!(!sign_in.exists(), "they are good: nobody signs in");
    assert_eq!(fixture.cloud.count("sts GetCallerIdentity"), 1, "and STS said so, as the client asks it");
    fs::remove_file(fixture.sso_file("acme")).expect("the sign-in");
    let running: Vec<_> = (0..20).map(|_| refresh(&fixture).start()).collect();
    for one in running {
        one.finish().exits(0);
    }
    assert_eq!(fs::read_to_string(&sign_in).expect("a sign-in"), "sso login --profile work\n");
    assert!(secret(&export(&fixture).run()).starts_with("sso-secret-"));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn where_the_sign_in_fails_all_hear_why_and_where_there_is_no_network_nobody_signs_in() {
    let mut fixture = client();
    let sign_in = aws(&fixture, "echo 'the browser was closed' >&2; exit 1");
    fixture.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
    refresh(&fixture).run().exits(75);
    assert!(!sign_in.exists(), "a laptop that wakes has no network yet");
    fixture.set("AWS_ENDPOINT_URL_STS", fixture.cloud.url("/sts"));
    fs::remove_file(fixture.sso_file("acme")).expect("the sign-in");
    let running: Vec<_> = (0..20).map(|_| refresh(&fixture).start()).collect();
    for one in running {
        let said = one.finish();
        assert!(said.exits(77).stderr.contains("the browser was closed"), "{said:#?}");
    }
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn with_a_wrong_clock_nobody_signs_in() {
    for ahead in [10_800, -10_800] {
        let fixture = client();
        let sign_in = aws(&fixture, "exit 0");
        fixture.cloud.is_behind(ahead);
        let said = refresh(&fixture).run();
        assert!(said.fails(78).ends_with("set the clock"), "{said:#?}");
        assert!(!sign_in.exists(), "it would open the browser for ever");
    }
}

/// A stand-in for the CLI's sign-in, which does as a script says; the file in which it notes how it was called.
fn aws(fixture: &Fixture, does: &str) -> PathBuf {
    let called = fixture.sandbox.root().join("called");
    fixture.sandbox.script("aws", &format!("echo \"$@\" >>'{}'\n{does}", called.display()));
    called
}

/// The guide's `awsAuthRefresh`, as Claude Code runs it.
fn refresh(fixture: &Fixture) -> Call<'_> {
    setting(fixture, "awsAuthRefresh")
}

/// The guide's profiles, by somebody who has signed in.
fn reader() -> Fixture {
    let mut fixture = Fixture::new();
    let guide = fs::read_to_string(workspace().join("docs/bedrock.md")).expect("the guide");
    let block = blocks(&guide).into_iter().find(|block| block.tag == "ini").expect("profiles in the guide");
    let bin = fixture.sandbox.root().join("bin");
    let profiles = block.text.replace("/home/me/.local/bin", &bin.display().to_string());
    fixture.config(&format!("{profiles}\n{SESSION}"));
    fixture.signed_in(Sso { of: "acme", seconds: 3600, refresh: Some("refresh-0") });
    fixture.set("AWS_DEFAULT_REGION", "us-east-1");
    fixture
}

/// The guide's settings beside them.
fn client() -> Fixture {
    let mut fixture = reader();
    for (name, value) in settings()["env"].as_object().expect("variables in the settings") {
        fixture.set(name, value.as_str().expect("a text"));
    }
    fixture
}

fn settings() -> Value {
    let guide = fs::read_to_string(workspace().join("docs/bedrock.md")).expect("the guide");
    let json = blocks(&guide).into_iter().filter(|block| block.tag == "json");
    let mut settings = json.filter_map(|block| serde_json::from_str::<Value>(&block.text).ok());
    settings.find(|settings| !settings["awsCredentialExport"].is_null()).expect("settings for Bedrock in the guide")
}

/// The guide's `awsCredentialExport`.
fn export(fixture: &Fixture) -> Call<'_> {
    setting(fixture, "awsCredentialExport").shows_secret()
}

/// As Claude Code runs it.
fn setting<'a>(fixture: &'a Fixture, name: &str) -> Call<'a> {
    let setting = settings()[name].as_str().expect("a command").to_owned();
    let bin = fixture.sandbox.root().join("bin");
    let setting = setting.replace("/home/me/.local/bin", &bin.display().to_string());
    fixture.sandbox.call("/bin/sh", &["-c", &format!("{setting} \"$@\""), "sh"])
}

#[track_caller]
fn secret(output: &Output) -> String {
    let keys: Value = serde_json::from_str(&output.succeeds().stdout).expect("JSON");
    keys["Credentials"]["SecretAccessKey"].as_str().map(label).expect("a secret")
}

fn cli(fixture: &Fixture, options: &[&str]) -> Output {
    let args = [&["sts", "get-caller-identity", "--output", "json"], options].concat();
    fixture.sandbox.call(python_program("aws"), &args).run()
}

#[track_caller]
fn identity(output: &Output) -> Value {
    serde_json::from_str(&output.succeeds().stdout).expect("JSON")
}

/// What stands behind `credential_process`.
fn process(fixture: &Fixture, profile: &str) -> String {
    let helper = fixture.sandbox.bin("claude-credential-bedrock");
    format!("{} --aws-profile {profile} print --format credential-process", helper.display())
}
