//! What a helper that announces `claude.v1` says to a caller that announces it, too.

use super::{AUTHTYPE, CLAUDE, core};
use crate::{Candidate, request};

/// A caller that announces what `claude-credential` does.
const CALLER: [&str; 2] = [AUTHTYPE, CLAUDE];

pub(super) fn capability_lists_what_it_understands(helper: &Candidate) {
    let exchange = helper.operation("capability", "");
    let lines: Vec<&str> = exchange.succeeds().stdout().lines().collect();
    exchange
        .expect(lines.first() == Some(&"version 0"), "expected `version 0` on the first line")
        .expect(lines.contains(&"capability claude.v1"), "expected `capability claude.v1`")
        .expect(lines.contains(&"capability authtype"), "expected `capability authtype`");
}

pub(super) fn every_answer_ends_with_an_empty_line(helper: &Candidate) {
    core::answer_ends(helper, &CALLER);
}

pub(super) fn a_caller_with_authtype_gets_authtype_and_credential(helper: &Candidate) {
    let exchange = helper.answer(&[AUTHTYPE]);
    let authtype = exchange.get("authtype");
    exchange
        .expect(exchange.keys().first() == Some(&"capability[]"), "expected `capability[]` on the first line")
        .expect(exchange.all("capability[]") == ["authtype"], "expected the capability `authtype` and no other")
        .expect(matches!(authtype, Some("x-api-key" | "Bearer")), "expected authtype x-api-key or Bearer")
        .expect(exchange.get("credential").is_some(), "expected `credential`")
        .expect(exchange.get("password").is_none(), "expected no `password`")
        .expect(!exchange.keys().iter().any(|key| key.starts_with("claude.")), "expected no key of claude.v1");
}

pub(super) fn a_caller_of_ours_learns_kind_and_source(helper: &Candidate) {
    let exchange = helper.answer(&CALLER);
    let kind = exchange.get("claude.kind");
    let authtype = match kind {
        Some("api-key") => Some("x-api-key"),
        Some("bearer") => Some("Bearer"),
        _ => None,
    };
    exchange
        .expect(exchange.all("capability[]") == ["authtype", "claude.v1"], "expected both capabilities")
        .expect(matches!(kind, Some("api-key" | "bearer" | "aws")), "expected claude.kind api-key, bearer or aws")
        .expect(exchange.get("authtype") == authtype, "expected the authtype of the kind")
        .expect(exchange.get("claude.source").is_some_and(|source| !source.is_empty()), "expected claude.source");
}

pub(super) fn the_secret_is_the_same_in_every_form(helper: &Candidate) {
    let plain = helper.answer(&[]);
    for caller in [&[AUTHTYPE][..], &CALLER] {
        let exchange = helper.answer(caller);
        exchange.expect(exchange.secret() == plain.secret(), "expected the secret that a caller without it gets");
    }
}

pub(super) fn an_answer_speaks_of_the_request_and_of_nothing_else(helper: &Candidate) {
    core::answer_speaks_of_request(helper, &CALLER);
}

pub(super) fn what_is_no_host_gets_silence_whoever_asks(helper: &Candidate) {
    let host = &helper.host;
    for other in [format!("{host}."), format!("user@{host}"), format!("{host}/path"), format!("{host}:port")] {
        helper.passes_over(request(&other, &CALLER));
    }
}

pub(super) fn an_account_that_it_has_nothing_for_gets_silence(helper: &Candidate) {
    core::has_nothing_for_account(helper, &CALLER);
}

pub(super) fn a_value_of_no_form_is_refused(helper: &Candidate) {
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

pub(super) fn a_helper_that_has_to_stop_says_quit_and_its_class(helper: &Candidate) {
    let capabilities = [("capability[]", "authtype"), ("capability[]", "claude.v1")];
    for (caller, announced) in [(&[][..], &[][..]), (&CALLER, &capabilities)] {
        let exchange = helper.failing_get(caller);
        let expected = [announced, &[("quit", "1")]].concat();
        exchange
            .says("")
            .expect(matches!(exchange.code(), Some(65 | 70 | 75 | 77 | 78)), "expected exit 65, 70, 75, 77 or 78")
            .expect(exchange.is_exactly(&expected), "expected the shared capabilities, `quit=1`, the empty line");
    }
}
