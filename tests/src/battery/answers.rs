//! What a helper answers, to whom, and in which words.

use super::{AUTHTYPE, CLAUDE, Candidate};
use crate::{Answer, request};

pub fn capability_lists_what_it_understands(helper: &Candidate) {
    let output = helper.operation("capability", "");
    let lines: Vec<&str> = output.succeeds().stdout.lines().collect();
    assert_eq!(lines.first(), Some(&"version 0"), "{output:#?}");
    assert!(lines.contains(&"capability claude.v1"), "{output:#?}");
    assert!(lines[1..].iter().all(|line| line.starts_with("capability ")), "{output:#?}");
}

pub fn an_operation_that_it_does_not_know_is_silence(helper: &Candidate) {
    for operation in ["approve", "get-all", "list", "claude.v9"] {
        let output = helper.operation(operation, request(&helper.host, &[]));
        assert_eq!(output.succeeds().stdout, "", "{operation}");
    }
}

pub fn every_answer_ends_with_an_empty_line(helper: &Candidate) {
    for lines in [&[][..], &[AUTHTYPE], &[AUTHTYPE, CLAUDE]] {
        assert!(helper.answer(lines).ended, "{lines:?}");
    }
}

pub fn git_gets_username_and_password_and_nothing_that_it_did_not_announce(helper: &Candidate) {
    let answer = helper.answer(&[]);
    assert!(answer.get("username").is_some_and(|name| !name.is_empty()), "{:?}", answer.keys());
    assert!(answer.get("password").is_some(), "{:?}", answer.keys());
    let announced = |key: &&str| {
        key.starts_with("claude.")
            || matches!(*key, "capability[]" | "authtype" | "credential" | "ephemeral" | "state[]")
    };
    assert_eq!(answer.keys().into_iter().find(announced), None);
}

pub fn a_caller_with_authtype_gets_authtype_and_credential(helper: &Candidate) {
    let answer = helper.answer(&[AUTHTYPE]);
    assert_eq!(answer.fields.first(), Some(&("capability[]".to_owned(), "authtype".to_owned())));
    assert!(matches!(answer.get("authtype"), Some("x-api-key" | "Bearer")), "{:?}", answer.keys());
    assert!(answer.get("credential").is_some(), "{:?}", answer.keys());
    assert_eq!(answer.get("password"), None);
    assert_eq!(answer.keys().into_iter().find(|key| key.starts_with("claude.")), None);
}

pub fn a_caller_of_ours_learns_kind_and_source(helper: &Candidate) {
    let answer = helper.answer(&[AUTHTYPE, CLAUDE]);
    assert_eq!(answer.all("capability[]"), ["authtype", "claude.v1"]);
    let expected = match answer.get("claude.kind") {
        Some("api-key") => Some("x-api-key"),
        Some("bearer") => Some("Bearer"),
        Some("aws") => None,
        other => panic!("claude.kind is {other:?}"),
    };
    assert_eq!(answer.get("authtype"), expected);
    assert!(answer.get("claude.source").is_some_and(|source| !source.is_empty()), "{:?}", answer.keys());
}

pub fn the_secret_is_the_same_in_every_form(helper: &Candidate) {
    let plain = helper.answer(&[]);
    assert_eq!(plain.get("password"), helper.answer(&[AUTHTYPE]).get("credential"));
    assert_eq!(plain.get("password"), helper.answer(&[AUTHTYPE, CLAUDE]).get("credential"));
}

pub fn an_answer_speaks_of_the_request_and_of_nothing_else(helper: &Candidate) {
    for lines in [&[][..], &[AUTHTYPE], &[AUTHTYPE, CLAUDE]] {
        let answer = helper.answer(lines);
        assert!(answer.get("protocol").is_none_or(|protocol| protocol == "https"), "{:?}", answer.keys());
        assert!(answer.get("host").is_none_or(|host| host == helper.host), "{:?}", answer.keys());
        assert!(answer.get("path").is_none() && answer.get("url").is_none(), "{:?}", answer.keys());
    }
}

pub fn another_host_gets_silence(helper: &Candidate) {
    let host = &helper.host;
    let dotted = format!("{host}.");
    let (below, beside) = (format!("{host}.evil.example"), format!("x{host}"));
    let (port, user) = (format!("{host}:8443"), format!("user@{host}"));
    // Who speaks claude.v1 has compared the host with the user's own list; git can't have.
    for other in ["foreign.example", &dotted, &below, &beside, &port, &user] {
        helper.passes_over(request(other, &[]));
        helper.passes_over(request(other, &[AUTHTYPE]));
    }
}

pub fn what_is_no_host_gets_silence_whoever_asks(helper: &Candidate) {
    let host = &helper.host;
    for other in [format!("{host}."), format!("user@{host}"), format!("{host}/path"), format!("{host}:port")] {
        helper.passes_over(request(&other, &[AUTHTYPE, CLAUDE]));
    }
}

pub fn another_protocol_gets_silence(helper: &Candidate) {
    helper.passes_over(format!("protocol=http\nhost={}\n\n", helper.host));
    helper.passes_over(format!("protocol=ftp\nhost={}\n\n", helper.host));
}

pub fn an_account_that_it_has_nothing_for_gets_silence(helper: &Candidate) {
    for lines in [&["username=nobody-of-that-name"][..], &["username=nobody-of-that-name", AUTHTYPE, CLAUDE]] {
        helper.passes_over(request(&helper.host, lines));
    }
}

pub fn the_usernames_that_mean_no_account_are_none(helper: &Candidate) {
    let secret = helper.answer(&[]).get("password").map(str::to_owned);
    for name in ["username=x-api-key", "username=oauth2", "username="] {
        assert_eq!(helper.answer(&[name]).get("password"), secret.as_deref(), "{name}");
    }
}

pub fn a_helper_that_has_to_stop_says_quit_and_its_class(helper: &Candidate) {
    if helper.stopping.is_empty() {
        // A helper that can't fail on demand has nothing to show here.
        return;
    }
    for (lines, announced) in [(&[][..], &[][..]), (&[AUTHTYPE, CLAUDE], &["authtype", "claude.v1"])] {
        let message = request(&helper.host, lines);
        let output = helper.call(&helper.stopping, "get").says(message).run();
        output.error_line();
        assert!(matches!(output.code(), Some(65 | 70 | 75 | 77 | 78)), "{output:#?}");
        let answer = Answer::parse(&output.stdout);
        let mut expected: Vec<_> =
            announced.iter().map(|name| ("capability[]".to_owned(), (*name).to_owned())).collect();
        expected.push(("quit".to_owned(), "1".to_owned()));
        assert_eq!(answer, Answer { fields: expected, ended: true });
    }
}
