//! Malformed messages and limits: whatever a helper can't read for sure, it refuses whole and never repeats.

use crate::{Candidate, request};

pub(super) fn a_carriage_return_inside_a_line_is_refused(helper: &Candidate) {
    helper.refuses(format!("protocol=https\nhost={}\rhost=foreign.example\n\n", helper.host), 2);
    helper.refuses(format!("protocol=https\nhost={}\r\r\n\n", helper.host), 2);
}

pub(super) fn a_nul_is_refused(helper: &Candidate) {
    helper.refuses(format!("protocol=https\nhost={}\0.evil.example\n\n", helper.host), 2);
    helper.refuses(format!("protocol=https\nhost={}\nfuture\0=1\n\n", helper.host), 3);
}

pub(super) fn what_is_not_utf_8_is_refused(helper: &Candidate) {
    let mut message = format!("protocol=https\nhost={}\nfuture=", helper.host).into_bytes();
    message.extend_from_slice(b"\xff\xfe\n\n");
    helper.refuses(message, 3);
}

pub(super) fn a_missing_host_or_protocol_is_no_wildcard(helper: &Candidate) {
    let host = &helper.host;
    for (message, line) in [
        ("\n".to_owned(), 1),
        (String::new(), 1),
        ("protocol=https\n\n".to_owned(), 2),
        (format!("host={host}\n\n"), 2),
        ("protocol=https\nhost=\n\n".to_owned(), 2),
        (format!("protocol=\nhost={host}\n\n"), 1),
    ] {
        helper.refuses(message, line);
    }
}

pub(super) fn a_key_of_no_form_is_refused(helper: &Candidate) {
    for line in ["=value", "Host=x", "9a=x", "a-b=x", "a[=x", "[]=x", " host=x"] {
        helper.refuses(format!("protocol=https\nhost={}\n{line}\n\n", helper.host), 3);
    }
}

pub(super) fn the_longest_line_has_65535_bytes(helper: &Candidate) {
    let line = |bytes: usize| format!("future={}", "x".repeat(bytes - "future=\n".len()));
    let plain = helper.answer(&[]);
    for bytes in [65_534, 65_535] {
        helper.answer(&[&line(bytes)]).answers_as(&plain);
    }
    for bytes in [65_536, 200_000] {
        helper.refuses(request(&helper.host, &[&line(bytes)]), 3);
    }
}

pub(super) fn a_message_of_more_than_a_mebibyte_is_refused(helper: &Candidate) {
    let line = format!("future={}", "x".repeat(1015));
    // 1,023 bytes a line with its end: 1,024 of them and the two of the request stay below the limit, 1,100 do not.
    helper.answer(&vec![line.as_str(); 1024]);
    let exchange = helper.operation("get", request(&helper.host, &vec![line.as_str(); 1100]));
    exchange.exits(65).says("line 10");
}

pub(super) fn a_line_without_equals_is_refused_and_never_shown(helper: &Candidate) {
    let secret = helper.sandbox.secret("pasted");
    for operation in ["get", "store", "erase"] {
        let exchange = helper.operation(operation, request(&helper.host, &[&secret]));
        let shown = exchange.stdout().contains(&secret) || exchange.stderr().contains(&secret);
        exchange.expect(!shown, "expected that the line is not repeated").exits(65).says("line 3");
    }
}

pub(super) fn an_expiry_of_no_form_is_refused(helper: &Candidate) {
    for expiry in ["0", "-1", "+1", "1e9", "253402300800", "", "99999999999999999999999"] {
        let line = format!("password_expiry_utc={expiry}");
        let message = request(&helper.host, &["username=nobody-of-that-name", "password=x", &line]);
        helper.operation("store", message).exits(65).says("line 5");
    }
}
