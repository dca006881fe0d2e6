//! What a profile in `~/.aws/config` can lead to: roles, over several hops and from every source, and web identities.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{Fixture, Sso, Until, aws, fails, run};
use claude_credential_tests::cloud::{Asked, silent};
use claude_credential_tests::{Input, skip, tool};

const ROLE: &str = "arn:aws:iam::123456789012:role";

/// The first role that STS gave.
const FIRST: (&str, Option<&str>) = ("AssumeRole-secret-1", Some("AssumeRole-token-1"));

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn roles() {
    let (secret, token) = FIRST;
    let second = ("AssumeRole-secret-2", Some("AssumeRole-token-2"));
    let default = ["--aws-profile", "default"];
    run(&[
        aws("with keys of another profile", role, secret, token, Until::Given)
            .asks("sts AssumeRole", 1)
            .asks("imds", 0),
        aws("from the same profile's keys", own_keys, secret, token, Until::Given).asks("sts AssumeRole", 1),
        aws("over two hops", two_hops, second.0, second.1, Until::Given).asks("sts AssumeRole", 2).asks("imds", 0),
        aws("with the environment's keys", by_environment, secret, token, Until::Given).with(&default).asks("imds", 0),
        aws("with the machine's role", by_metadata, secret, token, Until::Given).asks("imds credentials", 1),
        aws("with the container's role", by_container, secret, token, Until::Given).asks("container", 1),
        aws("with a sign-in", by_sso, secret, token, Until::Given).asks("sso", 1).asks("sts AssumeRole", 1),
        aws("with another program", by_process, secret, token, Until::Given).asks("sts AssumeRole", 1),
        fails("with a profile that is missing", source_missing, 78, &["basee", "base"]).asks("", 0),
        fails("in a loop", role_loop, 78, &["first", "second"]).asks("", 0),
        fails("of nobody", role_of_nobody, 78, &["default", "source_profile"]).asks("", 0),
        fails("with the environment's keys, of which there are none", no_environment, 78, &["AWS_ACCESS_KEY_ID"])
            .asks("", 0),
        fails("with a source that nobody knows", unknown_source, 78, &["credential_source"]).asks("", 0),
        fails("that ask for a code", mfa, 77, &["mfa_serial", "aws configure export-credentials"]).asks("", 0),
        fails("that ask for a code on the way", mfa_on_the_way, 77, &["aws configure export-credentials"]).asks("", 0),
        fails("that are not for us", forbidden, 78, &["forbidden"]).asks("imds", 0),
        fails("with keys that nobody has", unknown_keys, 77, &["base"]).asks("imds", 0),
        fails("with keys that have expired", expired_keys, 77, &["base"]).asks("imds", 0),
        fails(
            "by a clock that is ahead",
            clock_ahead,
            78,
            &["SignatureDoesNotMatch", "180 min ahead", "set the clock"],
        ),
        fails("by a clock that is behind", clock_behind, 78, &["180 min behind", "set the clock"]),
        fails("that are over", role_over, 77, &["have expired"]).asks("imds", 0),
        fails("when somebody else answers for STS", sts_page, 75, &[]).asks("imds", 0),
        fails("when STS never answers", sts_silent, 75, &[]).asks("imds", 0).in_vain(),
    ]);
}

fn role(fixture: &mut Fixture) {
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/work\nsource_profile = base\nregion = eu-west-1\n"));
}

fn clock_ahead(fixture: &mut Fixture) {
    role(fixture);
    fixture.cloud.is_behind(10_800);
}

fn clock_behind(fixture: &mut Fixture) {
    role(fixture);
    fixture.cloud.is_behind(-10_800);
}

fn own_keys(fixture: &mut Fixture) {
    fixture.keys("default", "AKIABASE");
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/work\nsource_profile = default\n"));
}

fn two_hops(fixture: &mut Fixture) {
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!(
        "[default]\nrole_arn = {ROLE}/work\nsource_profile = hop\n\
         [profile hop]\nrole_arn = {ROLE}/hop\nsource_profile = base\n"
    ));
}

fn by(fixture: &Fixture, source: &str) {
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/work\ncredential_source = {source}\n"));
}

fn by_environment(fixture: &mut Fixture) {
    fixture.environment("AKIAENV", false);
    by(fixture, "Environment");
}

fn no_environment(fixture: &mut Fixture) {
    by(fixture, "Environment");
}

fn by_metadata(fixture: &mut Fixture) {
    by(fixture, "Ec2InstanceMetadata");
}

fn by_container(fixture: &mut Fixture) {
    fixture.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", fixture.cloud.url("/container"));
    fixture.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", fixture.sandbox.secret("container"));
    by(fixture, "EcsContainer");
}

fn by_sso(fixture: &mut Fixture) {
    fixture.signed_in(Sso { of: "acme", seconds: 3600, refresh: None });
    fixture.config(&format!(
        "[default]\nrole_arn = {ROLE}/work\nsource_profile = people\n\
         [profile people]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Developer\n\
         [sso-session acme]\nsso_region = us-east-1\nsso_start_url = https://acme.awsapps.com/start\n"
    ));
}

fn by_process(fixture: &mut Fixture) {
    let program = fixture.prints("house", &fixture.document(Some(3600)).to_string());
    fixture.config(&format!(
        "[default]\nrole_arn = {ROLE}/work\nsource_profile = other\n[profile other]\ncredential_process = {}\n",
        program.display()
    ));
}

fn source_missing(fixture: &mut Fixture) {
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/work\nsource_profile = basee\n"));
}

fn role_loop(fixture: &mut Fixture) {
    fixture.config(&format!(
        "[default]\nrole_arn = {ROLE}/a\nsource_profile = first\n\
         [profile first]\nrole_arn = {ROLE}/b\nsource_profile = second\n\
         [profile second]\nrole_arn = {ROLE}/c\nsource_profile = first\n"
    ));
}

fn role_of_nobody(fixture: &mut Fixture) {
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/work\n"));
}

fn unknown_source(fixture: &mut Fixture) {
    by(fixture, "Toaster");
}

fn mfa(fixture: &mut Fixture) {
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!(
        "[default]\nrole_arn = {ROLE}/work\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n"
    ));
}

fn mfa_on_the_way(fixture: &mut Fixture) {
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!(
        "[default]\nrole_arn = {ROLE}/work\nsource_profile = hop\n[profile hop]\nrole_arn = {ROLE}/hop\n\
         source_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n"
    ));
}

fn forbidden(fixture: &mut Fixture) {
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/forbidden\nsource_profile = base\n"));
}

fn unknown_keys(fixture: &mut Fixture) {
    role(fixture);
    fixture.keys("base", "AKIAUNKNOWN");
}

fn expired_keys(fixture: &mut Fixture) {
    role(fixture);
    fixture.keys("base", "AKIAEXPIRED");
}

fn role_over(fixture: &mut Fixture) {
    role(fixture);
    fixture.cloud.lives("sts", -60);
}

fn sts_page(fixture: &mut Fixture) {
    role(fixture);
    fixture.cloud.is_taken_over("sts");
}

fn sts_silent(fixture: &mut Fixture) {
    role(fixture);
    fixture.set("AWS_ENDPOINT_URL_STS", silent());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn sts_hears_what_the_profile_says_of_a_role() {
    let fixture = Fixture::new();
    fixture.keys("base", "AKIABASE");
    fixture.config(&format!(
        "[default]\nrole_arn = {ROLE}/work\nsource_profile = hop\nduration_seconds = 1800\n\
         external_id = the-customer\nrole_session_name = alice\n\
         [profile hop]\nrole_arn = {ROLE}/hop\nsource_profile = base\n"
    ));
    let answer = fixture.answer(&[]);
    let [hop, work] = &fixture.cloud.asked_for("sts AssumeRole")[..] else { panic!("{:?}", fixture.cloud.asked()) };
    let field = |asked: &Asked, name: &str| asked.field(name).map(str::to_owned);
    assert_eq!(field(hop, "RoleArn"), Some(format!("{ROLE}/hop")));
    assert_eq!(hop.signer(), Some("AKIABASE"));
    assert_eq!([field(hop, "DurationSeconds"), field(hop, "ExternalId")], [None, None]);
    assert!(field(hop, "RoleSessionName").is_some());
    assert_eq!(field(work, "RoleArn"), Some(format!("{ROLE}/work")));
    assert_eq!(
        work.signer(),
        Some("ASIAASSUMEROLE0000000001"),
        "the second hop is signed with what the first one gave"
    );
    assert_eq!(field(work, "DurationSeconds").as_deref(), Some("1800"));
    assert_eq!(field(work, "ExternalId").as_deref(), Some("the-customer"));
    assert_eq!(field(work, "RoleSessionName").as_deref(), Some("alice"));
    assert_eq!((answer.until, answer.id.as_str()), (work.until(), "ASIAASSUMEROLE0000000002"));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn at_a_terminal_a_person_is_asked_for_the_code() {
    let Some(script) = tool("script") else { return skip("a code at a terminal", "no script") };
    let mut fixture = Fixture::new();
    mfa(&mut fixture);
    let command = "claude-credential --chain bedrock print --format sts";
    let call = fixture.sandbox.call(script, &["-qec", command, "/dev/null"]).shows_secret();
    let said = call.input(Input::Open(b"123456\n".to_vec())).run();
    assert!(said.exits(0).stdout.contains("AssumeRole-secret-1"), "{said:#?}");
    let [asked] = &fixture.cloud.asked_for("sts")[..] else { panic!("{:?}", fixture.cloud.asked()) };
    assert_eq!(asked.field("TokenCode"), Some("123456"));
    assert_eq!(asked.field("SerialNumber"), Some("arn:aws:iam::123456789012:mfa/me"));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_profile_with_a_web_identity() {
    let (secret, token) = ("AssumeRoleWithWebIdentity-secret-1", Some("AssumeRoleWithWebIdentity-token-1"));
    run(&[
        aws("a role for a token in a file", web, secret, token, Until::Given).asks("sts", 1).asks("imds", 0),
        fails("the file is missing", web_file_missing, 78, &["missing-token"]).asks("", 0),
        fails("STS refuses the token", web_refused, 77, &["web-token"]).asks("sts", 1).asks("imds", 0),
    ]);
}

fn web(fixture: &mut Fixture) {
    let file = fixture.sandbox.write("web-token", fixture.sandbox.secret("web"));
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/web\nweb_identity_token_file = {}\n", file.display()));
}

fn web_file_missing(fixture: &mut Fixture) {
    fixture.config(&format!("[default]\nrole_arn = {ROLE}/web\nweb_identity_token_file = /nowhere/missing-token\n"));
}

fn web_refused(fixture: &mut Fixture) {
    web(fixture);
    fixture.sandbox.write("web-token", fixture.sandbox.secret("refused"));
}
