//! What people set for `claude-credential-bedrock`: variables, files, Claude Code's settings. Every way in which that
//! is there, empty or wrong: the exit code, what kind of credential comes of it, and until when that is good.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{Fixture, Until, aws, bearer, fails, nothing, run};
use serde_json::json;

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn the_environment_and_the_files() {
    let keys = |fixture: &mut Fixture| fixture.environment("AKIAENV", false);
    run(&[
        aws("long-lived keys in the environment", keys, "env-secret", None, Until::Never).asks("", 0),
        aws("a session in the environment", session, "env-secret", Some("env-token"), Until::Never).asks("", 0),
        aws("and its expiry", session_until_2099, "env-secret", Some("env-token"), Until::At(4_070_908_800)),
        fails("and that is past", session_until_2001, 77, &["AWS_CREDENTIAL_EXPIRATION"]).asks("imds", 0),
        fails("an id without a secret", id_alone, 78, &["AWS_ACCESS_KEY_ID is set", "AWS_SECRET_ACCESS_KEY"])
            .asks("imds", 0),
        aws("a secret without an id, and a profile", secret_alone, "file-secret", None, Until::Never),
        aws(
            "an expiry in the basic form",
            session_basic_2099,
            "env-secret",
            Some("env-token"),
            Until::At(4_070_908_800),
        ),
        aws("a region in capitals", named, "file-secret", None, Until::Never)
            .with(&["--region", "US-EAST-2"])
            .in_region("us-east-2"),
        aws("a profile by the variable of the AWS CLI", default_profile, "file-secret", None, Until::Never).asks("", 0),
        aws("both variables of a profile", both_profiles, "file-secret", None, Until::Never).asks("", 0),
        aws("a name with a blank", name_with_blank, "file-secret", None, Until::Never)
            .asks("", 0)
            .in_region("eu-west-1"),
        aws("a name in other letters", name_with_umlaut, "file-secret", None, Until::Never).in_region("eu-west-1"),
        aws("indented lines", indented, "file-secret", None, Until::Never).asks("", 0).in_region("eu-west-1"),
        aws("a fault in another profile", other_fault, "file-secret", None, Until::Never).asks("", 0),
        aws("keys before a command", keys_and_process, "file-secret", None, Until::Never).asks("", 0),
        fails("a name that lacks its quotes", lacks_quotes, 78, &["there is no profile", "[profile 'my work']"])
            .asks("", 0),
        aws("the environment before the profile", environment_and_file, "env-secret", None, Until::Never),
        aws("the default profile", file, "file-secret", None, Until::Never).asks("", 0),
        aws("variables that are empty", empty, "file-secret", None, Until::Never).asks("", 0),
        aws("the profile that is named", named, "file-secret", None, Until::Never).asks("", 0).in_region("eu-west-1"),
        aws("files in another place", elsewhere, "file-secret", None, Until::Never).asks("", 0).in_region("eu-west-1"),
        aws("a profile and nothing else", environment_and_file, "file-secret", None, Until::Never).with(&FILES),
        aws("the region that is asked for", named, "file-secret", None, Until::Never)
            .with(&["--region", "eu-north-1"])
            .in_region("eu-north-1"),
        fails("no such profile", typing_error, 78, &["prodd", "prod"]).asks("", 0),
        fails("no such profile, by option", file, 78, &["defualt", "default"])
            .with(&["--aws-profile", "defualt"])
            .asks("", 0),
        fails("a profile whose name a shell would take apart", strange_name, 78, &["there is no profile"])
            .mended_by("--profile 'x; true'")
            .asks("", 0),
        fails("a profile and no files", no_files, 78, &["prod"]).asks("", 0),
        fails("a file that is none", malformed, 78, &[".aws/config", "line 3"]).asks("", 0),
        fails("half of a pair in a file", half_in_file, 78, &["aws_secret_access_key"]).asks("", 0),
        nothing("nothing at all", Fixture::no_metadata).asks("", 0),
    ]);
}

const FILES: [&str; 2] = ["--aws-profile", "default"];

fn session(fixture: &mut Fixture) {
    fixture.environment("ASIAENV", true);
}

fn session_until_2099(fixture: &mut Fixture) {
    session(fixture);
    fixture.set("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z");
}

fn session_until_2001(fixture: &mut Fixture) {
    session(fixture);
    fixture.set("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z");
}

fn session_basic_2099(fixture: &mut Fixture) {
    session(fixture);
    fixture.set("AWS_CREDENTIAL_EXPIRATION", "20990101T010000+0100");
}

fn id_alone(fixture: &mut Fixture) {
    fixture.environment("AKIAENV", false);
    fixture.sandbox.unset("AWS_SECRET_ACCESS_KEY");
}

fn secret_alone(fixture: &mut Fixture) {
    file(fixture);
    fixture.environment("AKIAENV", false);
    fixture.sandbox.unset("AWS_ACCESS_KEY_ID");
}

fn default_profile(fixture: &mut Fixture) {
    named(fixture);
    fixture.sandbox.unset("AWS_PROFILE");
    fixture.set("AWS_DEFAULT_PROFILE", "prod");
}

fn both_profiles(fixture: &mut Fixture) {
    named(fixture);
    fixture.set("AWS_PROFILE", "prod");
    fixture.set("AWS_DEFAULT_PROFILE", "other");
}

fn with_name(fixture: &mut Fixture, name: &str, written: &str) {
    fixture.keys(name, "AKIAFILE");
    fixture.config(&format!("[profile {written}]\nregion = eu-west-1\n"));
    fixture.set("AWS_PROFILE", name);
}

fn name_with_blank(fixture: &mut Fixture) {
    with_name(fixture, "my work", "'my work'");
}

fn name_with_umlaut(fixture: &mut Fixture) {
    with_name(fixture, "büro & co", "\"büro & co\"");
}

fn indented(fixture: &mut Fixture) {
    let secret = fixture.sandbox.secret("file-secret");
    fixture.config(&format!(
        "[default]\nregion = us-east-1\n\n[profile work]\n    # mine\n    region = eu-west-1\n    \
         aws_access_key_id = AKIAX\n    aws_secret_access_key = {secret}\n"
    ));
    fixture.set("AWS_PROFILE", "work");
}

fn other_fault(fixture: &mut Fixture) {
    named(fixture);
    fixture.config("[profile other]\n    region\n    = x\n[profile prod]\nregion = eu-west-1\n");
}

fn keys_and_process(fixture: &mut Fixture) {
    file(fixture);
    fixture.config("[default]\ncredential_process = /nowhere/command\n");
}

fn lacks_quotes(fixture: &mut Fixture) {
    fixture.config("[profile my work]\nregion = eu-west-1\n");
    fixture.set("AWS_PROFILE", "my work");
}

fn file(fixture: &mut Fixture) {
    fixture.keys("default", "AKIAFILE");
}

fn environment_and_file(fixture: &mut Fixture) {
    fixture.environment("AKIAENV", false);
    file(fixture);
}

fn empty(fixture: &mut Fixture) {
    file(fixture);
    for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION"]
    {
        fixture.set(name, "");
    }
}

fn named(fixture: &mut Fixture) {
    fixture.keys("prod", "AKIAFILE");
    fixture.config("[profile prod]\nregion = eu-west-1\n");
    fixture.set("AWS_PROFILE", "prod");
}

fn elsewhere(fixture: &mut Fixture) {
    named(fixture);
    for (variable, name) in [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")] {
        let (from, to) = (fixture.sandbox.home().join(".aws").join(name), fixture.sandbox.home().join(name));
        let text = std::fs::read(&from).expect("a file");
        std::fs::remove_file(from).expect("a file");
        fixture.set(variable, fixture.sandbox.write(to, text).to_str().expect("a name in UTF-8"));
    }
}

fn typing_error(fixture: &mut Fixture) {
    named(fixture);
    fixture.set("AWS_PROFILE", "prodd");
}

/// What mends it is pasted into a shell.
fn strange_name(fixture: &mut Fixture) {
    named(fixture);
    fixture.set("AWS_PROFILE", "x; true");
}

fn no_files(fixture: &mut Fixture) {
    fixture.set("AWS_PROFILE", "prod");
}

fn malformed(fixture: &mut Fixture) {
    fixture.config(&format!("[default]\nregion = eu-west-1\n{}\n", fixture.sandbox.secret("pasted")));
}

fn half_in_file(fixture: &mut Fixture) {
    fixture.sandbox.write(".aws/credentials", "[default]\naws_access_key_id = AKIAFILE\n");
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

fn token(fixture: &mut Fixture) {
    fixture.no_metadata();
    fixture.set("AWS_BEARER_TOKEN_BEDROCK", fixture.sandbox.secret("bedrock"));
}

fn token_and_keys(fixture: &mut Fixture) {
    token(fixture);
    fixture.environment("AKIAENV", false);
}

fn gateway(fixture: &mut Fixture) {
    token(fixture);
    fixture.set("ANTHROPIC_BEDROCK_BASE_URL", "https://bedrock.acme.example/v1");
}

fn no_token(fixture: &mut Fixture) {
    fixture.no_metadata();
    fixture.set("AWS_BEARER_TOKEN_BEDROCK", format!("{} two words", fixture.sandbox.secret("bedrock")));
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

fn setting(fixture: &Fixture, command: &str) {
    fixture.sandbox.settings(&json!({"awsCredentialExport": command}));
}

fn export_sts(fixture: &mut Fixture) {
    let document = json!({"Credentials": fixture.document(Some(3600))}).to_string();
    let command = fixture.prints("export", &document);
    setting(fixture, command.to_str().expect("a name in UTF-8"));
}

fn export_flat(fixture: &mut Fixture) {
    fixture.prints("export", &fixture.document(None).to_string());
    // It is a line for a shell.
    setting(fixture, "cat </dev/null; exec \"$HOME\"/../bin/export");
}

fn export_and_keys(fixture: &mut Fixture) {
    export_sts(fixture);
    fixture.environment("AKIAENV", false);
}

fn export_junk(fixture: &mut Fixture) {
    let junk = format!("{{\"Credentials\": {{\"AccessKeyId\": \"{}\", ", fixture.sandbox.secret("junk"));
    let command = fixture.prints("export", &junk);
    setting(fixture, command.to_str().expect("a name in UTF-8"));
}

fn export_fails(fixture: &mut Fixture) {
    let secret = fixture.sandbox.secret("stderr");
    let command = fixture.sandbox.script("export", &format!("echo {secret}; echo {secret} >&2; exit 1"));
    setting(fixture, command.to_str().expect("a name in UTF-8"));
}

fn export_missing(fixture: &mut Fixture) {
    setting(fixture, "/nowhere/export");
}

fn export_ourselves(fixture: &mut Fixture) {
    file(fixture);
    let helper = fixture.sandbox.bin("claude-credential-bedrock");
    setting(fixture, &format!("{} print --format sts", helper.display()));
}

fn export_to_ourselves(fixture: &mut Fixture) {
    file(fixture);
    let helper = fixture.sandbox.bin("claude-credential-bedrock");
    let script = fixture.sandbox.script("export", &format!("{} print --format sts | cat", helper.display()));
    setting(fixture, script.to_str().expect("a name in UTF-8"));
}
