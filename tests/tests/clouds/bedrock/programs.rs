//! A profile's `credential_process`: another program, or ourselves.
//!
//! `tests/run.sh` runs these, in a network of their own.

use claude_credential_tests::aws::{House, Until, aws, fails, run};

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

fn program(house: &House, command: &str) {
    house.config(&format!("[default]\ncredential_process = {command}\n"));
}

fn process(house: &mut House) {
    let command = house.prints("house", &house.document(None).to_string());
    program(house, &command.display().to_string());
}

fn process_that_ends(house: &mut House) {
    let command = house.prints("house", &house.document(Some(3600)).to_string());
    program(house, &command.display().to_string());
}

fn process_over(house: &mut House) {
    let command = house.prints("house", &house.document(Some(-60)).to_string());
    program(house, &command.display().to_string());
}

fn process_arguments(house: &mut House) {
    let file = house.sandbox.write("a document", house.document(None).to_string());
    let command = house.sandbox.script("house", "[ $# = 2 ] && [ \"$1\" = --of ] && cat \"$2\"");
    program(house, &format!("{} --of \"{}\"", command.display(), file.display()));
}

fn process_fails(house: &mut House) {
    let secret = house.sandbox.secret("stderr");
    let command = house.sandbox.script("house", &format!("echo {secret}; echo {secret} >&2; exit 3"));
    program(house, &command.display().to_string());
}

fn process_junk(house: &mut House) {
    let junk = format!("{{\"Version\": 1, \"AccessKeyId\": \"{}\", ", house.sandbox.secret("junk"));
    let command = house.prints("house", &junk);
    program(house, &command.display().to_string());
}

fn process_missing(house: &mut House) {
    program(house, "/nowhere/house");
}

fn process_hangs(house: &mut House) {
    let command = house.sandbox.script("house", "exec sleep 600");
    program(house, &command.display().to_string());
}

fn process_ourselves(house: &mut House) {
    let helper = house.sandbox.bin("claude-credential-bedrock");
    program(house, &format!("{} --aws-profile default print --format credential-process", helper.display()));
}

fn process_to_ourselves(house: &mut House) {
    let helper = house.sandbox.bin("claude-credential-bedrock");
    let line = format!("{} print --format credential-process | cat", helper.display());
    let script = house.sandbox.script("house", &line);
    program(house, &script.display().to_string());
}

fn process_signed_out(house: &mut House) {
    let helper = house.sandbox.bin("claude-credential-bedrock");
    house.config(&format!(
        "[default]\ncredential_process = {} --aws-profile people print --format credential-process\n\
         [profile people]\nsso_session = acme\nsso_account_id = 123456789012\nsso_role_name = Developer\n\
         [sso-session acme]\nsso_region = us-east-1\nsso_start_url = https://acme.awsapps.com/start\n",
        helper.display()
    ));
}

fn process_other_profile(house: &mut House) {
    house.keys("base", "AKIABASE");
    let helper = house.sandbox.bin("claude-credential-bedrock");
    program(house, &format!("{} --aws-profile base print --format credential-process", helper.display()));
}
