//! git's protocol, and what a helper owes to its user beyond it: the right host, the right account, or nothing.

use super::{AUTHTYPE, CLAUDE};
use crate::{Candidate, request};

/// The callers that know nothing of `claude.v1`, by what they announce.
const CALLERS: [&[&str]; 2] = [&[], &[AUTHTYPE]];

pub(super) fn capability_is_a_list_or_silence(helper: &Candidate) {
    let exchange = helper.operation("capability", "");
    let lines: Vec<&str> = exchange.succeeds().stdout().lines().collect();
    let listed = lines.split_first().is_none_or(|(first, others)| {
        *first == "version 0" && others.iter().all(|line| line.starts_with("capability "))
    });
    exchange.expect(listed, "expected nothing, or `version 0` and lines that begin with `capability `");
}

pub(super) fn an_operation_that_it_does_not_know_is_silence(helper: &Candidate) {
    for operation in ["approve", "get-all", "list", "claude.v9"] {
        helper.operation(operation, request(&helper.host, &[])).succeeds().prints_nothing();
    }
}

pub(super) fn every_answer_ends_with_an_empty_line(helper: &Candidate) {
    for caller in CALLERS {
        answer_ends(helper, caller);
    }
}

pub(super) fn answer_ends(helper: &Candidate, caller: &[&str]) {
    let exchange = helper.answer(caller);
    exchange.expect(exchange.is_ended(), "expected an empty line at the end of the answer");
}

pub(super) fn git_gets_username_and_password_and_nothing_that_it_did_not_announce(helper: &Candidate) {
    let exchange = helper.answer(&[]);
    exchange
        .expect(exchange.get("username").is_some_and(|name| !name.is_empty()), "expected a username")
        .expect(exchange.get("password").is_some(), "expected a password");
    for key in exchange.keys() {
        let announced = key.starts_with("claude.")
            || matches!(key, "capability[]" | "authtype" | "credential" | "ephemeral" | "state[]");
        exchange.expect(!announced, format_args!("expected no `{key}`, which needs a capability"));
    }
}

pub(super) fn an_answer_speaks_of_the_request_and_of_nothing_else(helper: &Candidate) {
    for caller in CALLERS {
        answer_speaks_of_request(helper, caller);
    }
}

pub(super) fn answer_speaks_of_request(helper: &Candidate, caller: &[&str]) {
    let exchange = helper.answer(caller);
    let repeats = |key, value: &str| exchange.get(key).is_none_or(|found| found == value);
    exchange
        .expect(repeats("protocol", "https"), "expected the protocol that was asked for, or none")
        .expect(repeats("host", &helper.host), "expected the host that was asked for, or none")
        .expect(exchange.get("path").is_none() && exchange.get("url").is_none(), "expected neither path nor url");
}

pub(super) fn another_host_gets_silence(helper: &Candidate) {
    let host = &helper.host;
    let dotted = format!("{host}.");
    let (below, beside) = (format!("{host}.evil.example"), format!("x{host}"));
    let (port, user) = (format!("{host}:8443"), format!("user@{host}"));
    // A caller with claude.v1 has compared the host with the user's own list; git can't have.
    for other in ["foreign.example", &dotted, &below, &beside, &port, &user] {
        for caller in CALLERS {
            helper.passes_over(request(other, caller));
        }
    }
}

pub(super) fn another_protocol_gets_silence(helper: &Candidate) {
    helper.passes_over(format!("protocol=http\nhost={}\n\n", helper.host));
    helper.passes_over(format!("protocol=ftp\nhost={}\n\n", helper.host));
}

pub(super) fn an_account_that_it_has_nothing_for_gets_silence(helper: &Candidate) {
    for caller in CALLERS {
        has_nothing_for_account(helper, caller);
    }
}

pub(super) fn has_nothing_for_account(helper: &Candidate, caller: &[&str]) {
    let lines = [&["username=nobody-of-that-name"], caller].concat();
    helper.passes_over(request(&helper.host, &lines));
}

pub(super) fn the_usernames_that_mean_no_account_are_none(helper: &Candidate) {
    let plain = helper.answer(&[]);
    for name in ["username=x-api-key", "username=oauth2", "username="] {
        let exchange = helper.answer(&[name]);
        exchange.expect(exchange.get("password") == plain.get("password"), "expected the secret of no account");
    }
}

pub(super) fn keys_that_it_does_not_know_are_ignored(helper: &Candidate) {
    let unknown = ["future=1", "claude.future=x", "future[]=a", "future[]=", "capability[]=claude.v9", "x.y_9="];
    helper.answer(&unknown).answers_as(&helper.answer(&[]));
}

pub(super) fn the_end_of_the_stream_ends_a_message_too(helper: &Candidate) {
    let plain = helper.answer(&[]);
    let message = request(&helper.host, &[]);
    for cut in [message.trim_end_matches('\n').to_owned(), format!("{}\n", message.trim_end_matches('\n'))] {
        helper.operation("get", cut).answers_as(&plain);
    }
}

pub(super) fn the_empty_line_ends_a_message_though_the_stream_goes_on(helper: &Candidate) {
    helper.get_from_open_stream().answers_as(&helper.answer(&[]));
}

pub(super) fn what_follows_the_empty_line_is_not_read(helper: &Candidate) {
    let message = request(&helper.host, &[]) + "host=foreign.example\nno equals\n\n";
    helper.operation("get", message).answers_as(&helper.answer(&[]));
}

pub(super) fn line_ends_may_have_a_carriage_return(helper: &Candidate) {
    let message = request(&helper.host, &[]).replace('\n', "\r\n");
    helper.operation("get", message).answers_as(&helper.answer(&[]));
}

pub(super) fn only_a_line_feed_ends_a_line(helper: &Candidate) {
    let plain = helper.answer(&[]);
    for separator in ['\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\u{c}'] {
        let hidden = format!("future=x{separator}host=foreign.example");
        helper.answer(&[&hidden]).answers_as(&plain);
    }
}

pub(super) fn a_long_line_is_one_line(helper: &Candidate) {
    let plain = helper.answer(&[]);
    for bytes in [1023, 1024, 4095, 4096, 8191, 8192] {
        let line = format!("wwwauth[]={}host=foreign.example", "x".repeat(bytes - "wwwauth[]=".len()));
        helper.answer(&[&line]).answers_as(&plain);
    }
}

pub(super) fn erasing_what_is_not_there_is_no_failure(helper: &Candidate) {
    let before = helper.answer(&[]);
    let password = format!("password={}", helper.sandbox.secret("never-kept"));
    let credential = format!("credential={}", helper.sandbox.secret("never-kept"));
    for lines in [
        &["username=nobody-of-that-name"][..],
        &["username=nobody-of-that-name", &password],
        &["username=x-api-key", &password],
        &[AUTHTYPE, CLAUDE, "authtype=x-api-key", &credential],
    ] {
        helper.operation("erase", request(&helper.host, lines)).is_silent();
    }
    helper.answer(&[]).answers_as(&before);
}

pub(super) fn another_host_is_neither_stored_nor_erased(helper: &Candidate) {
    let password = format!("password={}", helper.sandbox.secret("foreign"));
    for operation in ["store", "erase"] {
        helper.operation(operation, request("foreign.example", &["username=x-api-key", &password])).is_silent();
    }
    helper.passes_over(request("foreign.example", &[]));
}

pub(super) fn storing_what_is_not_to_be_kept_keeps_nothing(helper: &Candidate) {
    let before = helper.answer(&[]);
    let credential = format!("credential={}", helper.sandbox.secret("ephemeral"));
    let lines = [AUTHTYPE, CLAUDE, "authtype=x-api-key", &credential, "ephemeral=1"];
    helper.operation("store", request(&helper.host, &lines)).succeeds();
    helper.answer(&[]).answers_as(&before);
}

pub(super) fn a_helper_that_fails_says_quit_and_nothing_else(helper: &Candidate) {
    let exchange = helper.failing_get(&[]);
    exchange
        .expect(exchange.code() != Some(0), "expected an exit code other than 0")
        .expect(exchange.is_exactly(&[("quit", "1")]), "expected `quit=1` and the empty line");
}
