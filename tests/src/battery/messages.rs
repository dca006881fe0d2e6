//! What a helper takes for a message, and what for none.

use super::{AUTHTYPE, CLAUDE, Candidate};
use crate::{Answer, Input, request};

pub fn keys_that_it_does_not_know_are_ignored(helper: &Candidate) {
    let unknown = ["future=1", "claude.future=x", "future[]=a", "future[]=", "capability[]=claude.v9", "x.y_9="];
    assert_eq!(helper.answer(&unknown).fields, helper.answer(&[]).fields);
}

pub fn the_end_of_the_stream_ends_a_message_too(helper: &Candidate) {
    let complete = helper.answer(&[]);
    let message = request(&helper.host, &[]);
    for cut in [message.trim_end_matches('\n').to_owned(), format!("{}\n", message.trim_end_matches('\n'))] {
        let output = helper.operation("get", cut);
        assert_eq!(Answer::parse(&output.succeeds().stdout), complete);
    }
}

pub fn the_empty_line_ends_a_message_though_the_stream_goes_on(helper: &Candidate) {
    let message = Input::Open(request(&helper.host, &[]).into_bytes());
    let output = helper.call(&helper.options, "get").input(message).shows_secret().run();
    assert_eq!(Answer::parse(&output.succeeds().stdout), helper.answer(&[]));
}

pub fn what_follows_the_empty_line_is_not_read(helper: &Candidate) {
    let output = helper.operation("get", request(&helper.host, &[]) + "host=foreign.example\nno equals\n\n");
    assert_eq!(Answer::parse(&output.succeeds().stdout), helper.answer(&[]));
}

pub fn line_ends_may_have_a_carriage_return(helper: &Candidate) {
    let output = helper.operation("get", request(&helper.host, &[]).replace('\n', "\r\n"));
    assert_eq!(Answer::parse(&output.succeeds().stdout), helper.answer(&[]));
}

pub fn a_carriage_return_inside_a_line_is_refused(helper: &Candidate) {
    helper.refuses(format!("protocol=https\nhost={}\rhost=foreign.example\n\n", helper.host), 2);
    helper.refuses(format!("protocol=https\nhost={}\r\r\n\n", helper.host), 2);
}

pub fn a_nul_is_refused(helper: &Candidate) {
    helper.refuses(format!("protocol=https\nhost={}\0.evil.example\n\n", helper.host), 2);
    helper.refuses(format!("protocol=https\nhost={}\nfuture\0=1\n\n", helper.host), 3);
}

pub fn what_is_not_utf_8_is_refused(helper: &Candidate) {
    let mut message = format!("protocol=https\nhost={}\nfuture=", helper.host).into_bytes();
    message.extend_from_slice(b"\xff\xfe\n\n");
    helper.refuses(message, 3);
}

pub fn only_a_line_feed_ends_a_line(helper: &Candidate) {
    for separator in ['\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\u{c}'] {
        let hidden = format!("future=x{separator}host=foreign.example");
        assert_eq!(helper.answer(&[&hidden]).fields, helper.answer(&[]).fields, "{separator:?}");
    }
}

pub fn a_missing_host_or_protocol_is_no_wildcard(helper: &Candidate) {
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

pub fn a_key_of_no_form_is_refused(helper: &Candidate) {
    for line in ["=value", "Host=x", "9a=x", "a-b=x", "a[=x", "[]=x", " host=x"] {
        helper.refuses(format!("protocol=https\nhost={}\n{line}\n\n", helper.host), 3);
    }
}

pub fn the_longest_line_has_65535_bytes(helper: &Candidate) {
    let line = |bytes: usize| format!("future={}", "x".repeat(bytes - "future=\n".len()));
    for bytes in [65_534, 65_535] {
        assert_eq!(helper.answer(&[&line(bytes)]).fields, helper.answer(&[]).fields, "{bytes}");
    }
    for bytes in [65_536, 200_000] {
        helper.refuses(request(&helper.host, &[&line(bytes)]), 3);
    }
}

pub fn a_long_line_is_one_line(helper: &Candidate) {
    for bytes in [1023, 1024, 4095, 4096, 8191, 8192] {
        let line = format!("wwwauth[]={}host=foreign.example", "x".repeat(bytes - "wwwauth[]=".len()));
        assert_eq!(helper.answer(&[&line]).fields, helper.answer(&[]).fields, "{bytes}");
    }
}

pub fn a_message_of_more_than_a_mebibyte_is_refused(helper: &Candidate) {
    let line = format!("future={}", "x".repeat(1015));
    // 1,023 bytes a line with its end: 1,024 of them and the two of the request stay below the limit, one more does not.
    assert!(!helper.answer(&vec![line.as_str(); 1024]).fields.is_empty());
    let output = helper.operation("get", request(&helper.host, &vec![line.as_str(); 1100]));
    let said = output.exits(65).error_line();
    assert!(said.contains("line 10"), "{said}");
}

pub fn a_line_without_equals_is_refused_and_never_shown(helper: &Candidate) {
    let secret = helper.sandbox.secret("pasted");
    for operation in ["get", "store", "erase"] {
        let message = request(&helper.host, &[&secret]);
        let output = helper.operation(operation, message);
        assert!(output.exits(65).error_line().contains("line 3"), "{output:#?}");
        assert!(!output.stdout.contains(&secret), "{operation}");
    }
}

pub fn a_value_of_no_form_is_refused(helper: &Candidate) {
    for line in [
        "claude.interactive=maybe",
        "claude.min_ttl=-1",
        "claude.min_ttl=soon",
        "claude.deadline=+5",
        "claude.check=dead",
        "claude.reason=bored",
    ] {
        helper.refuses(request(&helper.host, &[AUTHTYPE, CLAUDE, line]), 5);
    }
}

pub fn an_expiry_of_no_form_is_refused(helper: &Candidate) {
    for expiry in ["0", "-1", "+1", "1e9", "253402300800", "", "99999999999999999999999"] {
        let line = format!("password_expiry_utc={expiry}");
        let message = request(&helper.host, &["username=nobody-of-that-name", "password=x", &line]);
        let output = helper.operation("store", message);
        assert!(output.exits(65).error_line().contains("line 5"), "{expiry}: {output:#?}");
    }
}
