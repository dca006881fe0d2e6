//! A profile's `credential_process`: another program, or ourselves.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{Fixture, Until, aws, fails, run};

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn another_program() {
    let (secret, token) = ("process-secret", Some("process-token"));
    run(&[
        aws("with an expiry", process_that_ends, secret, token, Until::Later).asks("", 0),
        aws("without one", process, secret, token, Until::Never).asks("", 0),
        aws("with blanks in its arguments", process_arguments, secret, token, Until::Never).asks("", 0),
        fails("that prints what is over", process_over, 77, &["default"]).asks("", 0),
        fails("that fails", process_fails, 70, &["default", "credential_process"]).asks("", 0),
        fails("that prints something else", process_junk, 70, &["default", "credential_process"]).asks("", 0),
        fails("that is not there", process_missing, 78, &["default", "credential_process"]).asks("", 0),
        fails("that never comes back", process_hangs, 70, &["default"]).asks("", 0).in_vain(),
        fails("that is ourselves", process_ourselves, 78, &["default"]).asks("", 0),
        // A pipe hides how its first part ended: it left word.
        fails("that leads to ourselves", process_to_ourselves, 78, &["credential_process"]).asks("", 0),
        fails("that is ourselves, and needs a sign-in", process_signed_out, 77, &["credential_process"])
            .mended_by("aws sso login --profile people")
            .asks("", 0),
        aws("that is ourselves with another profile", process_other_profile, "file-secret", None, Until::Never),
    ]);
}

fn program(fixture: &Fixture, command: &str) {
    fixture.config(&format!("[default]\ncredential_process = {command}\n"));
}

fn process(fixture: &mut Fixture) {
    let command = fixture.prints("house", &fixture.document(None).to_string());
    program(fixture, &command.display().to_string());
}

fn process_that_ends(fixture: &mut Fixture) {
    let command = fixture.prints("house", &fixture.document(Some(3600)).to_string());
    program(fixture, &command.display().to_string());
}

fn process_over(fixture: &mut Fixture) {
    let command = fixture.prints("house", &fixture.document(Some(-60)).to_string());
    program(fixture, &command.display().to_string());
}

fn process_arguments(fixture: &mut Fixture) {
    let file = fixture.sandbox.write("a document", fixture.document(None).to_string());
    let command = fixture.sandbox.script("house", "[ $# = 2 ] && [ \"$1\" = --of ] && cat \"$2\"");
    program(fixture, &format!("{} --of \"{}\"", command.display(), file.display()));
}

fn process_fails(fixture: &mut Fixture) {
    let secret = fixture.sandbox.secret("stderr");
    let command = fixture.sandbox.script("house", &format!("echo {secret}; echo {secret} >&2; exit 3"));
    program(fixture, &command.display().to_string());
}

fn process_junk(fixture: &mut Fixture) {
    let junk = format!("{{\"Version\": 1, \"AccessKeyId\": \"{}\", ", fixture.sandbox.secret("junk"));
    let command = fixture.prints("house", &junk);
    program(fixture, &command.display().to_string());
}

fn process_missing(fixture: &mut Fixture) {
    program(fixture, "/nowhere/house");
}

fn process_hangs(fixture: &mut Fixture) {
    let command = fixture.sandbox.script("house", "exec sleep 600");
    program(fixture, &command.display().to_string());
}

fn process_ourselves(fixture: &mut Fixture) {
    let helper = fixture.sandbox.bin("claude-credential-bedrock");
    program(fixture, &format!("{} --aws-profile default print --format credential-process", helper.display()));
}

fn process_to_ourselves(fixture: &mut Fixture) {
    let helper = fixture.sandbox.bin("claude-credential-bedrock");
    let line = format!("{} print --format credential-process | cat", helper.display());
    let script = fixture.sandbox.script("house", &line);
    program(fixture, &script.display().to_string());
}

fn process_signed_out(fixture: &mut Fixture) {
    let helper = fixture.sandbox.bin("claude-credential-bedrock");
    fixture.config(&format!(
        "[default]\ncredential_process = {} --aws-profile people print --format credential-process\n\
         [profile people]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Developer\n\
         [sso-session acme]\nsso_region = us-east-1\nsso_start_url = https://acme.awsapps.com/start\n",
        helper.display()
    ));
}

fn process_other_profile(fixture: &mut Fixture) {
    fixture.keys("base", "AKIABASE");
    let helper = fixture.sandbox.bin("claude-credential-bedrock");
    program(fixture, &format!("{} --aws-profile base print --format credential-process", helper.display()));
}
