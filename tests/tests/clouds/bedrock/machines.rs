//! Where machines have their credentials from: a token in a file, the container, the metadata of the instance. Every
//! way in which these are there, empty, wrong or silent.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{Fixture, Until, aws, fails, nothing, run};
use claude_credential_tests::cloud::silent;

const WEB_ROLE: &str = "arn:aws:iam::123456789012:role/web";

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn web_identity() {
    let (secret, token) = ("AssumeRoleWithWebIdentity-secret-1", Some("AssumeRoleWithWebIdentity-token-1"));
    run(&[
        aws("a role for a token in a file", web, secret, token, Until::Given).asks("sts", 1).asks("imds", 0),
        fails("the file is missing", web_file_missing, 78, &["missing-token"]).asks("", 0),
        fails("a pipe in its place", web_pipe, 78, &["web-pipe"]).asks("", 0),
        fails("authorities that are none", bundle_of_junk, 78, &["AWS_CA_BUNDLE"]).asks("", 0),
        fails("authorities in a form of their own", bundle_of_a_broken_one, 78, &["AWS_CA_BUNDLE"]).asks("", 0),
        fails(
            "a profile's authorities",
            bundle_of_the_profile_missing,
            78,
            &["ca_bundle of profile default", "/corp.pem"],
        )
        .asks("", 0),
        fails("authorities below the home folder", bundle_at_home, 78, &["AWS_CA_BUNDLE: /", "/bundle-at-home"])
            .asks("", 0),
        aws("a token below the home folder", token_at_home, secret, token, Until::Given),
        fails("authorities that are not there", bundle_missing, 78, &["AWS_CA_BUNDLE"]).asks("", 0),
        fails("a region that is none", region_of_junk, 78, &["AWS_REGION"]).asks("", 0),
        fails("a file and no role", web_without_role, 78, &["AWS_ROLE_ARN"]).asks("", 0),
        fails("STS refuses the token", web_refused, 77, &["web-token"]).asks("sts", 1).asks("imds", 0),
        fails("the role is not for us", web_forbidden, 78, &["web"]).asks("imds", 0),
        fails("STS is broken", web_broken, 75, &[]).asks("imds", 0).in_vain(),
        fails("STS never answers", web_silent, 75, &[]).asks("imds", 0).in_vain(),
        fails("STS is not there", web_nobody, 75, &[]).asks("imds", 0).in_vain(),
    ]);
}

fn web(fixture: &mut Fixture) {
    let file = fixture.sandbox.write("web-token", fixture.sandbox.secret("web"));
    fixture.set("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().expect("a name in UTF-8"));
    fixture.set("AWS_ROLE_ARN", WEB_ROLE);
}

fn web_file_missing(fixture: &mut Fixture) {
    web(fixture);
    fixture.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/missing-token");
}

fn web_pipe(fixture: &mut Fixture) {
    web(fixture);
    let pipe = fixture.sandbox.root().join("web-pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    fixture.set("AWS_WEB_IDENTITY_TOKEN_FILE", pipe.to_str().expect("a name in UTF-8"));
}

fn bundle_of_junk(fixture: &mut Fixture) {
    web(fixture);
    let bundle = fixture.sandbox.write("bundle", "no certificate");
    fixture.set("AWS_CA_BUNDLE", bundle.to_str().expect("a name in UTF-8"));
}

fn bundle_of_a_broken_one(fixture: &mut Fixture) {
    web(fixture);
    let bundle = fixture.sandbox.write("bundle", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    fixture.set("AWS_CA_BUNDLE", bundle.to_str().expect("a name in UTF-8"));
}

fn bundle_of_the_profile_missing(fixture: &mut Fixture) {
    web(fixture);
    fixture.config("[default]\nca_bundle = ~/corp.pem\n");
}

/// The variable takes precedence, and `~` is the user's home.
fn bundle_at_home(fixture: &mut Fixture) {
    bundle_of_the_profile_missing(fixture);
    fixture.set("AWS_CA_BUNDLE", "~/bundle-at-home");
}

fn token_at_home(fixture: &mut Fixture) {
    web(fixture);
    fixture.set("AWS_WEB_IDENTITY_TOKEN_FILE", "~/web-token");
}

fn bundle_missing(fixture: &mut Fixture) {
    web(fixture);
    fixture.set("AWS_CA_BUNDLE", "/nowhere/bundle");
}

fn region_of_junk(fixture: &mut Fixture) {
    web(fixture);
    fixture.set("AWS_REGION", "evil.example/#");
}

fn web_without_role(fixture: &mut Fixture) {
    web(fixture);
    fixture.sandbox.unset("AWS_ROLE_ARN");
}

fn web_refused(fixture: &mut Fixture) {
    web(fixture);
    fixture.sandbox.write("web-token", fixture.sandbox.secret("refused"));
}

fn web_forbidden(fixture: &mut Fixture) {
    web(fixture);
    fixture.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/forbidden");
}

fn web_broken(fixture: &mut Fixture) {
    web(fixture);
    fixture.cloud.fails("sts", 500);
}

fn web_silent(fixture: &mut Fixture) {
    web(fixture);
    fixture.set("AWS_ENDPOINT_URL_STS", silent());
}

fn web_nobody(fixture: &mut Fixture) {
    web(fixture);
    fixture.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_container() {
    let (secret, token) = ("container-secret-1", Some("container-token-1"));
    run(&[
        aws("its role", container, secret, token, Until::Given).asks("container", 1).asks("imds", 0),
        aws("its authorization in a file", container_file, secret, token, Until::Given).asks("imds", 0),
        fails("the file is missing", container_no_file, 78, &["missing-token"]).asks("", 0),
        fails("the authorization is wrong", container_wrong, 77, &["AWS_CONTAINER"]).asks("imds", 0),
        fails("a foreign host without TLS", container_foreign, 78, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"]).asks("", 0),
        fails("its authorization is two lines", container_two_lines, 78, &["AWS_CONTAINER", "can't be sent"])
            .asks("", 0),
        fails("its role is over", container_over, 77, &["have expired"]).asks("imds", 0),
        fails("its keys look over, by a clock that is ahead", container_clock, 78, &["180 min ahead", "set the clock"]),
        fails("somebody else answers", container_page, 75, &[]).asks("imds", 0),
        fails("it sends us elsewhere", container_redirects, 78, &["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
            .asks("imds", 0),
        fails("it is broken", container_broken, 75, &[]).asks("imds", 0).in_vain(),
        fails("it never answers", container_silent, 75, &[]).asks("imds", 0).in_vain(),
        fails("its usual address is dropped", container_dropped, 75, &[]).asks("imds", 0).in_vain(),
        nothing("there is none", Fixture::no_metadata).with(&["--source", "container"]).asks("", 0),
    ]);
}

fn container(fixture: &mut Fixture) {
    fixture.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", fixture.cloud.url("/container"));
    fixture.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", fixture.sandbox.secret("container"));
}

/// As EKS writes it, and with the line end that everybody else's tools write.
fn container_file(fixture: &mut Fixture) {
    container(fixture);
    fixture.sandbox.unset("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    let file = fixture.sandbox.write("eks-token", format!("{}\n", fixture.sandbox.secret("container")));
    fixture.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().expect("a name in UTF-8"));
}

fn container_no_file(fixture: &mut Fixture) {
    container(fixture);
    fixture.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/missing-token");
}

fn container_wrong(fixture: &mut Fixture) {
    container(fixture);
    fixture.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", fixture.sandbox.secret("another"));
}

fn container_foreign(fixture: &mut Fixture) {
    container(fixture);
    fixture.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/credentials");
}

fn container_two_lines(fixture: &mut Fixture) {
    container(fixture);
    let token = fixture.sandbox.secret("container");
    fixture.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", format!("{token}\r\nX-Other: {token}"));
}

fn container_over(fixture: &mut Fixture) {
    container(fixture);
    fixture.cloud.lives("container", -60);
}

fn container_clock(fixture: &mut Fixture) {
    container(fixture);
    fixture.cloud.is_behind(10_800);
}

fn container_page(fixture: &mut Fixture) {
    container(fixture);
    fixture.cloud.is_taken_over("container");
}

/// To the metadata, where it would be seen.
fn container_redirects(fixture: &mut Fixture) {
    container(fixture);
    fixture.cloud.redirects("container", &fixture.cloud.url("/latest/api/token"));
}

fn container_broken(fixture: &mut Fixture) {
    container(fixture);
    fixture.cloud.fails("container", 500);
}

fn container_silent(fixture: &mut Fixture) {
    container(fixture);
    fixture.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", silent());
}

fn container_dropped(fixture: &mut Fixture) {
    container(fixture);
    fixture.sandbox.unset("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    fixture.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/made-up");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_machine() {
    let metadata = |_: &mut Fixture| {};
    run(&[
        aws("its role", metadata, "imds-secret-1", Some("imds-token-1"), Until::Given).in_region("us-west-2"),
        aws("its role, last of all", after_others, "imds-secret-1", Some("imds-token-1"), Until::Given),
        nothing("the user wants none of it", Fixture::no_metadata).asks("", 0),
        nothing("the network drops it", dropped),
        nothing("the network refuses it", nobody),
        nothing("it has no role", no_role),
        nothing("it is switched off", switched_off).asks("imds credentials", 0),
        // As in a container on such a machine, which is one hop too far.
        nothing("it takes connections and never answers", metadata_silent),
        fails("it is broken", broken, 75, &[]).in_vain(),
        aws("it is busy at first", busy, "imds-secret-1", Some("imds-token-1"), Until::Given),
        aws("it is busy half-way", half_busy, "imds-secret-1", Some("imds-token-1"), Until::Given),
        fails("it breaks half-way", half_broken, 75, &[]).in_vain(),
        // The service goes on with old keys while it can't renew them.
        aws("its role is over and goes on", over, "imds-secret-1", Some("imds-token-1"), Until::Later),
        fails("somebody else answers", page, 75, &[]),
        fails("it sends us elsewhere", redirects, 75, &[]).asks("container", 0),
        nothing("it is asked by nobody", metadata)
            .with(&["--source", "environment", "--source", "profile"])
            .asks("", 0),
    ]);
}

fn after_others(fixture: &mut Fixture) {
    fixture.config("[default]\nregion = eu-west-1\n");
}

/// The real address, in a network that has none.
fn dropped(fixture: &mut Fixture) {
    fixture.sandbox.unset("AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

fn nobody(fixture: &mut Fixture) {
    fixture.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9");
}

fn no_role(fixture: &mut Fixture) {
    fixture.cloud.fails("imds role", 404);
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>: 403 says so.
fn switched_off(fixture: &mut Fixture) {
    fixture.cloud.fails("imds", 403);
}

fn metadata_silent(fixture: &mut Fixture) {
    fixture.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent());
}

fn over(fixture: &mut Fixture) {
    fixture.cloud.lives("imds", -60);
}

fn page(fixture: &mut Fixture) {
    fixture.cloud.is_taken_over("imds credentials");
}

fn redirects(fixture: &mut Fixture) {
    fixture.cloud.redirects("imds credentials", &fixture.cloud.url("/container"));
}

fn broken(fixture: &mut Fixture) {
    fixture.cloud.fails("imds", 500);
}

fn busy(fixture: &mut Fixture) {
    fixture.cloud.fails_times("imds", 503, 3);
}

fn half_busy(fixture: &mut Fixture) {
    fixture.cloud.fails_times("imds credentials", 503, 3);
}

fn half_broken(fixture: &mut Fixture) {
    fixture.cloud.fails("imds credentials", 500);
}
