//! Credentials files of every type, and every way to them. Google's own libraries are given the same and have to send the
//! same and to get the same; where they don't, the line says why.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::google::{Fixture, WORKFORCE, refused, run, token};
use serde_json::{Value, json};

/// Of Google's library for Rust.
const SIGNS: &str = "it signs a token by itself for service accounts, which needs no request and can't be revoked";
const WIDER: &str = "it asks for cloud-platform where the scope iam is enough to become somebody else";

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn keys_and_people() {
    run(&[
        token("a service account", service_account, &["google token"]).rust_differs(SIGNS),
        token("a service account that says who pays", paying_account, &["google token"])
            .pays("pays")
            // It reads that of people's files alone; Google's own page has it for every type.
            .python_pays_not()
            .rust_differs(SIGNS),
        refused("a key that was deleted", gone, &["google token"], 78, "says invalid_grant").rust_differs(SIGNS),
        token("a person, by the variable", person, &["google token"]),
        token("a person, in gcloud's file", gcloud, &["google token"]).pays("pays"),
        token("a person, in gcloud's file elsewhere", cloudsdk_config, &["google token"])
            .rust_differs("it does not know CLOUDSDK_CONFIG"),
        token("the variable before gcloud's file", both, &["google token"]),
        token("the variable's project pays", quota_variable, &["google token"]).pays("of-the-variable"),
        refused("a person whose sign-in is over", over, &["google token"], 77, "gcloud auth application-default login"),
        refused("a person who has to prove it", rapt, &["google token"], 77, "gcloud auth application-default login"),
        token("a person of a workforce", workforce_person, &["google person"])
            .rust_differs("it does not know external_account_authorized_user"),
    ]);
}

fn service_account(fixture: &mut Fixture) {
    fixture.credentials(&fixture.service_account());
}

fn paying_account(fixture: &mut Fixture) {
    fixture.credentials(&with(fixture.service_account(), "quota_project_id", "pays"));
}

fn gone(fixture: &mut Fixture) {
    fixture.credentials(&with(fixture.service_account(), "client_email", "gone@fake-project.iam.gserviceaccount.com"));
}

fn person(fixture: &mut Fixture) {
    fixture.credentials(&fixture.person());
}

fn gcloud(fixture: &mut Fixture) {
    fixture.gcloud(&with(fixture.person(), "quota_project_id", "pays"));
}

fn cloudsdk_config(fixture: &mut Fixture) {
    let file = fixture.sandbox.write("gcloud/application_default_credentials.json", fixture.person().to_string());
    fixture.set("CLOUDSDK_CONFIG", file.parent().and_then(std::path::Path::to_str).expect("a folder"));
}

fn both(fixture: &mut Fixture) {
    fixture.gcloud(&fixture.person_with("refresh-of-gcloud"));
    person(fixture);
}

fn quota_variable(fixture: &mut Fixture) {
    gcloud(fixture);
    fixture.set("GOOGLE_CLOUD_QUOTA_PROJECT", "of-the-variable");
}

fn over(fixture: &mut Fixture) {
    fixture.gcloud(&fixture.person());
    fixture.cloud.refuses("refresh");
}

fn rapt(fixture: &mut Fixture) {
    fixture.gcloud(&fixture.person_with("refresh-rapt"));
}

fn workforce_person(fixture: &mut Fixture) {
    fixture.credentials(&fixture.workforce_person());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn being_somebody_else() {
    let twice = &["google token", "google impersonation"];
    let exchanged = &["subject", "google sts", "google impersonation"];
    run(&[
        token("a person is a service account", person_is, twice),
        token("a service account is another, by way of a third", account_is, twice).rust_differs(WIDER),
        refused("a person may not", may_not, twice, 78, "roles/iam.serviceAccountTokenCreator"),
        refused("a person whose sign-in is over", over_and_is, &["google token"], 77, "--impersonate-service-account="),
        token("an identity from elsewhere", elsewhere_is, exchanged),
        token("an identity from elsewhere, for ten minutes", for_ten_minutes, exchanged)
            .rust_differs("it does not read token_lifetime_seconds"),
    ]);
}

const SHE: &str = "she@fake-project.iam.gserviceaccount.com";

fn person_is(fixture: &mut Fixture) {
    fixture.credentials(&fixture.impersonated(SHE, &fixture.person()));
}

fn account_is(fixture: &mut Fixture) {
    let delegates = json!(["third@fake-project.iam.gserviceaccount.com"]);
    fixture.credentials(&with(fixture.impersonated(SHE, &fixture.service_account()), "delegates", delegates));
}

fn may_not(fixture: &mut Fixture) {
    fixture.credentials(&fixture.impersonated("forbidden@fake-project.iam.gserviceaccount.com", &fixture.person()));
}

fn over_and_is(fixture: &mut Fixture) {
    fixture.credentials(&fixture.impersonated(SHE, &fixture.person()));
    fixture.cloud.refuses("refresh");
}

fn elsewhere_is(fixture: &mut Fixture) {
    fixture.credentials(&with(url(fixture), "service_account_impersonation_url", fixture.impersonation(SHE)));
}

fn for_ten_minutes(fixture: &mut Fixture) {
    let file = with(url(fixture), "service_account_impersonation_url", fixture.impersonation(SHE));
    fixture.credentials(&with(file, "service_account_impersonation", json!({ "token_lifetime_seconds": 600 })));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn identities_from_elsewhere() {
    let (sts, asked) = (&["google sts"], &["subject", "google sts"]);
    run(&[
        token("a file", file, sts),
        token("a field of a file", file_json, sts),
        token("a URL, with a header", url_text, asked),
        token("a field of what a URL gives", url_json, asked),
        token("a program", program, sts),
        refused("a program that nobody allowed", not_allowed, &[], 78, "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"),
        token("what a program left", left, sts),
        token("keys of AWS in the environment", aws_environment, sts),
        token("a machine of AWS", aws_machine, sts),
        token("a person of a workforce, and who pays", workforce, sts),
        token("a client that has to say who it is", client, sts)
            .rust_differs("it leaves the padding out of the base64 of its authorization"),
        refused("a token that Google does not take", not_taken, sts, 78, "says invalid_grant"),
        refused("a file that is not there", no_file, &[], 78, "does not exist"),
    ]);
}

/// A token in a file.
fn token_file(fixture: &Fixture, text: impl AsRef<[u8]>) -> String {
    fixture.sandbox.write("token", text).to_str().expect("a path in UTF-8").to_owned()
}

fn file(fixture: &mut Fixture) {
    let token = token_file(fixture, fixture.sandbox.secret("subject"));
    fixture.credentials(&fixture.external(&json!({ "file": token })));
}

fn file_json(fixture: &mut Fixture) {
    let token = token_file(fixture, json!({ "other": "no", "of_it": fixture.sandbox.secret("subject") }).to_string());
    let format = json!({ "type": "json", "subject_token_field_name": "of_it" });
    fixture.credentials(&fixture.external(&json!({ "file": token, "format": format })));
}

fn url(fixture: &Fixture) -> Value {
    fixture.external(&json!({ "url": fixture.cloud.url("/subject") }))
}

fn url_text(fixture: &mut Fixture) {
    let source = json!({ "url": fixture.cloud.url("/subject"), "headers": { "X-Of-The-File": "yes" } });
    fixture.credentials(&fixture.external(&source));
}

fn url_json(fixture: &mut Fixture) {
    let format = json!({ "type": "json", "subject_token_field_name": "token" });
    fixture.credentials(&fixture.external(&json!({ "url": fixture.cloud.url("/subject.json"), "format": format })));
}

fn program(fixture: &mut Fixture) {
    not_allowed(fixture);
    fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
}

fn not_allowed(fixture: &mut Fixture) {
    let program = fixture.prints("source", &fixture.printed().to_string());
    let executable = json!({ "command": format!("{} --for google", program.display()), "timeout_millis": 5000 });
    fixture.credentials(&fixture.external(&json!({ "executable": executable })));
}

/// A program whose earlier answer is in its file; run, it would print nothing.
fn left(fixture: &mut Fixture) {
    let program = fixture.prints("source", "");
    let output = fixture.sandbox.write("left.json", fixture.printed().to_string());
    let executable = json!({ "command": program, "timeout_millis": 5000, "output_file": output });
    fixture.credentials(&fixture.external(&json!({ "executable": executable })));
    fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
}

fn aws_environment(fixture: &mut Fixture) {
    fixture.credentials(&fixture.of_aws());
    fixture.set("AWS_REGION", "eu-west-1");
    fixture.set("AWS_ACCESS_KEY_ID", "AKIAENV");
    fixture.set("AWS_SECRET_ACCESS_KEY", fixture.sandbox.secret("env-secret"));
    fixture.set("AWS_SESSION_TOKEN", fixture.sandbox.secret("env-token"));
}

fn aws_machine(fixture: &mut Fixture) {
    fixture.credentials(&fixture.of_aws());
}

fn workforce(fixture: &mut Fixture) {
    file(fixture);
    let mut file = fixture.external(&json!({ "file": fixture.sandbox.home().join("token") }));
    file["audience"] = WORKFORCE.into();
    fixture.credentials(&with(file, "workforce_pool_user_project", "who-pays"));
}

fn client(fixture: &mut Fixture) {
    file(fixture);
    let file = fixture.external(&json!({ "file": fixture.sandbox.home().join("token") }));
    fixture.credentials(&with(with(file, "client_id", "me"), "client_secret", fixture.sandbox.secret("client")));
}

fn not_taken(fixture: &mut Fixture) {
    file(fixture);
    fixture.cloud.refuses("subject");
}

fn no_file(fixture: &mut Fixture) {
    fixture.credentials(&fixture.external(&json!({ "file": "/nowhere/token" })));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_machine_and_nothing_at_all() {
    run(&[
        token("Google's machine", |_| {}, &["google metadata"]),
        refused("a variable that names nothing", nowhere, &[], 78, "does not exist"),
        refused("a type that nobody knows", strange, &[], 78, "its `type` is unknown"),
        refused("half a file", half, &[], 78, "this is not a Google credentials file"),
    ]);
}

fn nowhere(fixture: &mut Fixture) {
    fixture.set("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/credentials.json");
}

fn strange(fixture: &mut Fixture) {
    fixture.credentials(&with(fixture.person(), "type", "strange"));
}

fn half(fixture: &mut Fixture) {
    let path = fixture.credentials(&fixture.person());
    let text = std::fs::read_to_string(&path).expect("a file");
    fixture.sandbox.write(path, &text[..text.len() / 2]);
}

fn with(mut file: Value, name: &str, value: impl Into<Value>) -> Value {
    file[name] = value.into();
    file
}
