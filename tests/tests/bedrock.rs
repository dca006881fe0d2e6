//! Every source of `claude-credential-bedrock`, and every way in which it is empty, wrong or silent: the exit code, what
//! kind of credential comes of it, and until when that is good.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{House, Until, aws, bearer, fails, nothing, run};
use claude_credential_tests::cloud::silent;
use serde_json::json;

const WEB_ROLE: &str = "arn:aws:iam::123456789012:role/web";

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_environment_and_the_files() {
    let keys = |house: &mut House| house.environment("AKIAENV", false);
    run(&[
        aws("long-lived keys in the environment", keys, "env-secret", None, Until::Never).asks("", 0),
        aws("a session in the environment", session, "env-secret", Some("env-token"), Until::Never).asks("", 0),
        aws("and its expiry", session_until_2099, "env-secret", Some("env-token"), Until::At(4_070_908_800)),
        fails("and that is past", session_until_2001, 77, &["AWS_CREDENTIAL_EXPIRATION"]).asks("imds", 0),
        fails("half of a pair", half_a_pair, 78, &["AWS_SECRET_ACCESS_KEY is set", "AWS_ACCESS_KEY_ID"])
            .asks("imds", 0),
        aws("the environment before the profile", environment_and_file, "env-secret", None, Until::Never),
        aws("the default profile", file, "file-secret", None, Until::Never).asks("", 0),
        aws("the profile that is named", named, "file-secret", None, Until::Never).asks("", 0).in_region("eu-west-1"),
        aws("a profile and nothing else", environment_and_file, "file-secret", None, Until::Never).with(&FILES),
        aws("the region that is asked for", named, "file-secret", None, Until::Never)
            .with(&["--region", "eu-north-1"])
            .in_region("eu-north-1"),
        fails("no such profile", typing_error, 78, &["prodd", "prod"]).asks("", 0),
        fails("no such profile, by option", file, 78, &["defualt", "default"])
            .with(&["--aws-profile", "defualt"])
            .asks("", 0),
        fails("a profile and no files", no_files, 78, &["prod"]).asks("", 0),
        fails("a file that is none", malformed, 78, &[".aws/config", "line 3"]).asks("", 0),
        fails("half of a pair in a file", half_in_file, 78, &["aws_secret_access_key"]).asks("", 0),
        nothing("nothing at all", House::no_metadata).asks("", 0),
    ]);
}

const FILES: [&str; 2] = ["--aws-profile", "default"];

fn session(house: &mut House) {
    house.environment("ASIAENV", true);
}

fn session_until_2099(house: &mut House) {
    session(house);
    house.set("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z");
}

fn session_until_2001(house: &mut House) {
    session(house);
    house.set("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z");
}

fn half_a_pair(house: &mut House) {
    house.environment("AKIAENV", false);
    house.sandbox.unset("AWS_ACCESS_KEY_ID");
}

fn file(house: &mut House) {
    house.keys("default", "AKIAFILE");
}

fn environment_and_file(house: &mut House) {
    house.environment("AKIAENV", false);
    file(house);
}

fn named(house: &mut House) {
    house.keys("prod", "AKIAFILE");
    house.config("[profile prod]\nregion = eu-west-1\n");
    house.set("AWS_PROFILE", "prod");
}

fn typing_error(house: &mut House) {
    named(house);
    house.set("AWS_PROFILE", "prodd");
}

fn no_files(house: &mut House) {
    house.set("AWS_PROFILE", "prod");
}

fn malformed(house: &mut House) {
    house.config(&format!("[default]\nregion = eu-west-1\n{}\n", house.sandbox.secret("pasted")));
}

fn half_in_file(house: &mut House) {
    house.sandbox.write(".aws/credentials", "[default]\naws_access_key_id = AKIAFILE\n");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn web_identity() {
    let (secret, token) = ("AssumeRoleWithWebIdentity-secret-1", Some("AssumeRoleWithWebIdentity-token-1"));
    run(&[
        aws("a role for a token in a file", web, secret, token, Until::Given).asks("sts", 1).asks("imds", 0),
        fails("the file is missing", web_file_missing, 78, &["missing-token"]).asks("", 0),
        fails("a file and no role", web_without_role, 78, &["AWS_ROLE_ARN"]).asks("", 0),
        fails("STS refuses the token", web_refused, 77, &["web-token"]).asks("sts", 1).asks("imds", 0),
        fails("the role is not for us", web_forbidden, 78, &["web"]).asks("imds", 0),
        fails("STS is broken", web_broken, 75, &[]).asks("imds", 0).in_vain(),
        fails("STS never answers", web_silent, 75, &[]).asks("imds", 0).in_vain(),
        fails("STS is not there", web_nobody, 75, &[]).asks("imds", 0).in_vain(),
    ]);
}

fn web(house: &mut House) {
    let file = house.sandbox.write("web-token", house.sandbox.secret("web"));
    house.set("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().expect("a name in UTF-8"));
    house.set("AWS_ROLE_ARN", WEB_ROLE);
}

fn web_file_missing(house: &mut House) {
    web(house);
    house.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/missing-token");
}

fn web_without_role(house: &mut House) {
    web(house);
    house.sandbox.unset("AWS_ROLE_ARN");
}

fn web_refused(house: &mut House) {
    web(house);
    house.sandbox.write("web-token", house.sandbox.secret("refused"));
}

fn web_forbidden(house: &mut House) {
    web(house);
    house.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/forbidden");
}

fn web_broken(house: &mut House) {
    web(house);
    house.cloud.fails("sts", 500);
}

fn web_silent(house: &mut House) {
    web(house);
    house.set("AWS_ENDPOINT_URL_STS", silent());
}

fn web_nobody(house: &mut House) {
    web(house);
    house.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
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
        fails("it is broken", container_broken, 75, &[]).asks("imds", 0).in_vain(),
        fails("it never answers", container_silent, 75, &[]).asks("imds", 0).in_vain(),
        fails("its usual address is dropped", container_dropped, 75, &[]).asks("imds", 0).in_vain(),
        nothing("there is none", House::no_metadata).with(&["--source", "container"]).asks("", 0),
    ]);
}

fn container(house: &mut House) {
    house.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", house.cloud.url("/container"));
    house.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", house.sandbox.secret("container"));
}

/// As EKS writes it, and with the line end that everybody else's tools write.
fn container_file(house: &mut House) {
    container(house);
    house.sandbox.unset("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    let file = house.sandbox.write("eks-token", format!("{}\n", house.sandbox.secret("container")));
    house.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().expect("a name in UTF-8"));
}

fn container_no_file(house: &mut House) {
    container(house);
    house.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/missing-token");
}

fn container_wrong(house: &mut House) {
    container(house);
    house.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", house.sandbox.secret("another"));
}

fn container_foreign(house: &mut House) {
    container(house);
    house.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/credentials");
}

fn container_broken(house: &mut House) {
    container(house);
    house.cloud.fails("container", 500);
}

fn container_silent(house: &mut House) {
    container(house);
    house.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", silent());
}

fn container_dropped(house: &mut House) {
    container(house);
    house.sandbox.unset("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    house.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/made-up");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_machine() {
    let metadata = |_: &mut House| {};
    run(&[
        aws("its role", metadata, "imds-secret-1", Some("imds-token-1"), Until::Given).in_region("us-west-2"),
        aws("its role, last of all", after_others, "imds-secret-1", Some("imds-token-1"), Until::Given),
        nothing("the user wants none of it", House::no_metadata).asks("", 0),
        nothing("the network drops it", dropped),
        nothing("the network refuses it", nobody),
        nothing("it has no role", no_role),
        fails("it is broken", broken, 75, &[]).in_vain(),
        fails("it breaks half-way", half_broken, 75, &[]).in_vain(),
        nothing("it is asked by nobody", metadata)
            .with(&["--source", "environment", "--source", "profile"])
            .asks("", 0),
    ]);
}

fn after_others(house: &mut House) {
    house.config("[default]\nregion = eu-west-1\n");
}

/// The real address, in a network that has none.
fn dropped(house: &mut House) {
    house.sandbox.unset("AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

fn nobody(house: &mut House) {
    house.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9");
}

fn no_role(house: &mut House) {
    house.cloud.fails("imds role", 404);
}

fn broken(house: &mut House) {
    house.cloud.fails("imds", 500);
}

fn half_broken(house: &mut House) {
    house.cloud.fails("imds credentials", 500);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_bearer_token() {
    run(&[
        bearer("for Bedrock", token, "bedrock").asks("", 0),
        bearer("before keys", token_and_keys, "bedrock").asks("", 0),
        bearer("for Bedrock with FIPS", token, "bedrock").for_host("bedrock-runtime-fips.us-east-1.amazonaws.com"),
        bearer("for Bedrock in China", token, "bedrock").for_host("bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        bearer("for the gateway in its stead", gateway, "bedrock").for_host("bedrock.acme.example"),
        nothing("not for another host", token).for_host("api.anthropic.com").asks("", 0),
        nothing("nor for a look-alike", token).for_host("bedrock-runtime.us-east-1.amazonaws.com.evil.example"),
        nothing("nor for another service of AWS", token).for_host("s3.us-east-1.amazonaws.com"),
        fails("what is no token", no_token, 78, &["AWS_BEARER_TOKEN_BEDROCK"]).asks("", 0),
    ]);
}

fn token(house: &mut House) {
    house.no_metadata();
    house.set("AWS_BEARER_TOKEN_BEDROCK", house.sandbox.secret("bedrock"));
}

fn token_and_keys(house: &mut House) {
    token(house);
    house.environment("AKIAENV", false);
}

fn gateway(house: &mut House) {
    token(house);
    house.set("ANTHROPIC_BEDROCK_BASE_URL", "https://bedrock.acme.example/v1");
}

fn no_token(house: &mut House) {
    house.no_metadata();
    house.set("AWS_BEARER_TOKEN_BEDROCK", format!("{} two words", house.sandbox.secret("bedrock")));
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_command_of_the_settings() {
    let (secret, token) = ("process-secret", Some("process-token"));
    run(&[
        aws("as STS writes it", export_sts, secret, token, Until::Later).asks("", 0),
        aws("as credential_process writes it", export_flat, secret, token, Until::Never).asks("", 0),
        aws("before the environment", export_and_keys, secret, token, Until::Later),
        fails("prints something else", export_junk, 70, &["awsCredentialExport", "settings.json"]).asks("", 0),
        fails("fails", export_fails, 70, &["awsCredentialExport", "settings.json", "exited 1"]).asks("", 0),
        fails("is not there", export_missing, 78, &["awsCredentialExport", "settings.json"]).asks("", 0),
        aws("is ourselves", export_ourselves, "file-secret", None, Until::Never),
        aws("leads to ourselves", export_to_ourselves, "file-secret", None, Until::Never),
    ]);
}

fn setting(house: &House, command: &str) {
    house.sandbox.settings(&json!({"awsCredentialExport": command}));
}

fn export_sts(house: &mut House) {
    let document = json!({"Credentials": house.document(Some(3600))}).to_string();
    let command = house.prints("export", &document);
    setting(house, command.to_str().expect("a name in UTF-8"));
}

fn export_flat(house: &mut House) {
    house.prints("export", &house.document(None).to_string());
    // It is a line for a shell.
    setting(house, "cat </dev/null; exec \"$HOME\"/../bin/export");
}

fn export_and_keys(house: &mut House) {
    export_sts(house);
    house.environment("AKIAENV", false);
}

fn export_junk(house: &mut House) {
    let junk = format!("{{\"Credentials\": {{\"AccessKeyId\": \"{}\", ", house.sandbox.secret("junk"));
    let command = house.prints("export", &junk);
    setting(house, command.to_str().expect("a name in UTF-8"));
}

fn export_fails(house: &mut House) {
    let secret = house.sandbox.secret("stderr");
    let command = house.sandbox.script("export", &format!("echo {secret}; echo {secret} >&2; exit 1"));
    setting(house, command.to_str().expect("a name in UTF-8"));
}

fn export_missing(house: &mut House) {
    setting(house, "/nowhere/export");
}

fn export_ourselves(house: &mut House) {
    file(house);
    let helper = house.sandbox.bin("claude-credential-bedrock");
    setting(house, &format!("{} print --format sts", helper.display()));
}

fn export_to_ourselves(house: &mut House) {
    file(house);
    let helper = house.sandbox.bin("claude-credential-bedrock");
    let script = house.sandbox.script("export", &format!("{} print --format sts | cat", helper.display()));
    setting(house, script.to_str().expect("a name in UTF-8"));
}
