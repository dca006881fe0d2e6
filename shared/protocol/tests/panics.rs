//! A panic is a class like any other failure, and quotes nothing.

use std::process::Command;

use claude_credential_protocol::report_panics;

const IN_CHILD: &str = "PANICS_IN_CHILD";

#[test]
fn a_panic_is_one_line_without_its_message_and_the_exit_code_of_a_class() {
    if std::env::var_os(IN_CHILD).is_some() {
        report_panics("claude-credential-house");
        panic!("CANARY");
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let name = "a_panic_is_one_line_without_its_message_and_the_exit_code_of_a_class";
    let output = child.args(["--exact", name, "--nocapture"]).env(IN_CHILD, "1").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(70), "{stderr}");
    assert!(stderr.starts_with("claude-credential-house: it broke at ") && stderr.lines().count() == 1, "{stderr}");
    assert!(!stderr.contains("CANARY"), "{stderr}");
}
