//! `store` and `erase`, of what no helper should take to heart.

use super::{AUTHTYPE, CLAUDE, Candidate};
use crate::request;

pub fn erasing_what_is_not_there_is_no_failure(helper: &Candidate) {
    let before = helper.answer(&[]);
    let password = format!("password={}", helper.sandbox.secret("never-kept"));
    let credential = format!("credential={}", helper.sandbox.secret("never-kept"));
    for lines in [
        &["username=nobody-of-that-name"][..],
        &["username=nobody-of-that-name", &password],
        &["username=x-api-key", &password],
        &[AUTHTYPE, CLAUDE, "authtype=x-api-key", &credential],
    ] {
        let output = helper.operation("erase", request(&helper.host, lines));
        assert_eq!(output.succeeds().stdout.trim_matches('\n'), "", "{lines:?}");
    }
    assert_eq!(helper.answer(&[]), before);
}

pub fn another_host_is_neither_stored_nor_erased(helper: &Candidate) {
    let password = format!("password={}", helper.sandbox.secret("foreign"));
    for operation in ["store", "erase"] {
        let output = helper.operation(operation, request("foreign.example", &["username=x-api-key", &password]));
        assert_eq!(output.succeeds().stdout.trim_matches('\n'), "", "{operation}");
    }
    helper.passes_over(request("foreign.example", &[]));
}

pub fn storing_what_is_not_to_be_kept_keeps_nothing(helper: &Candidate) {
    let before = helper.answer(&[]);
    let credential = format!("credential={}", helper.sandbox.secret("ephemeral"));
    let lines = [AUTHTYPE, CLAUDE, "authtype=x-api-key", &credential, "ephemeral=1"];
    helper.operation("store", request(&helper.host, &lines)).succeeds();
    assert_eq!(helper.answer(&[]), before);
}
