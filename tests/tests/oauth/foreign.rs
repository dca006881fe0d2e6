//! Providers that others wrote: sign-in, renewal, refusal and logout. `tests/run.sh` installs them.

use std::thread;
use std::time::Duration;

use claude_credential_tests::oauth::{Fixture, ForeignKind, ForeignProvider, fetch};
use claude_credential_tests::{Answer, Call, Output, long_tests};

#[test]
#[ignore = "needs django-oauth-toolkit: tests/run.sh"]
fn django_oauth_toolkit() {
    let (fixture, provider) = started(ForeignKind::Django);
    whole_life(&fixture, &provider, Revocation::Ends);
    a_used_up_refresh_token_wants_a_sign_in(&fixture, &provider);
    an_unknown_scope_is_the_configuration_s_fault(&fixture, &provider);
}

#[test]
#[ignore = "needs canaille: tests/run.sh"]
fn canaille() {
    let (fixture, provider) = started(ForeignKind::Canaille);
    whole_life(&fixture, &provider, Revocation::WantsClient);
    a_used_up_refresh_token_wants_a_sign_in(&fixture, &provider);
}

#[test]
#[ignore = "needs glewlwyd: tests/run.sh"]
fn glewlwyd() {
    let (fixture, provider) = started(ForeignKind::Glewlwyd);
    whole_life(&fixture, &provider, Revocation::WantsClient);
    a_refusal_without_a_reason_is_asked_once_more(&fixture, &provider);
}

/// What the provider does at the logout of a client without a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revocation {
    Ends,
    WantsClient,
}

fn whole_life(fixture: &Fixture, provider: &ForeignProvider, revocation: Revocation) {
    sign_in(fixture, provider);
    let first = secret(&fixture.get(&[]).run(), "credential");
    assert!(provider.accepts(&first));
    assert_eq!(secret(&fixture.get(&[]).run(), "credential"), first, "it is kept");
    let second = secret(&after_refusal(fixture, &first).run(), "credential");
    assert!(second != first && provider.accepts(&second));

    let logout = fixture.sandbox.dispatcher(&["logout", fixture.name()]).run();
    if revocation == Revocation::Ends {
        logout.exits(0);
        assert!(!provider.accepts(&second));
    } else {
        let command = format!("claude-credential logout {} --local", fixture.name());
        let said = logout.fails(78);
        assert!(said.contains("a client secret") && said.ends_with(&command), "{said}");
        assert_eq!(secret(&fixture.get(&[]).run(), "credential"), second, "nothing was removed");
        fixture.sandbox.dispatcher(&["logout", fixture.name(), "--local"]).run().exits(0);
    }
    needs_sign_in(fixture, &fixture.print().run());
}

fn a_used_up_refresh_token_wants_a_sign_in(fixture: &Fixture, provider: &ForeignProvider) {
    sign_in(fixture, provider);
    let answer = fixture.get(&[]).run();
    provider.uses_up(&secret(&answer, "oauth_refresh_token"));
    let refused = after_refusal(fixture, &secret(&answer, "credential")).run();
    needs_sign_in(fixture, &refused);
    let status = fixture.sandbox.dispatcher(&["status", fixture.name()]).run();
    assert!(status.stdout.contains("the provider ended the sign-in"), "{status:#?}");
}

/// Its answer to a refresh token that is used up is 400 with nothing in it.
fn a_refusal_without_a_reason_is_asked_once_more(fixture: &Fixture, provider: &ForeignProvider) {
    sign_in(fixture, provider);
    let answer = fixture.get(&[]).run();
    provider.uses_up(&secret(&answer, "oauth_refresh_token"));
    let token = secret(&answer, "credential");
    let refused = after_refusal(fixture, &token).run();
    assert!(refused.exits(75).error_line().contains("did not say why"), "{refused:#?}");
    let status = fixture.sandbox.dispatcher(&["status", fixture.name()]).run();
    assert!(status.stdout.contains("did not say why; if it goes on, run: "), "{status:#?}");
    if long_tests() {
        thread::sleep(Duration::from_secs(31));
        needs_sign_in(fixture, &after_refusal(fixture, &token).run());
    }
}

fn an_unknown_scope_is_the_configuration_s_fault(fixture: &Fixture, provider: &ForeignProvider) {
    provider.configure(fixture, &["made-up"]);
    let login = fixture.login(&["--no-browser"]);
    let page = fetch(&provider.sends_back(&login.url()), &[]);
    assert!(page.text.contains("Not signed in") && page.text.contains("invalid_scope"), "{page:?}");
    let said = login.finish();
    assert!(said.exits(78).stderr.contains("mend `scopes` there"), "{said:#?}");
}

fn sign_in(fixture: &Fixture, provider: &ForeignProvider) {
    let login = fixture.login(&["--no-browser"]);
    let page = fetch(&provider.sends_back(&login.url()), &[]);
    let said = login.finish();
    said.exits(0);
    assert!(page.text.contains("Signed in to"), "{page:?} {said:#?}");
}

fn after_refusal<'f>(fixture: &'f Fixture, token: &str) -> Call<'f> {
    let refused = format!("credential={token}");
    fixture.get(&["authtype=Bearer", "claude.reason=rejected", &refused])
}

#[track_caller]
fn secret(output: &Output, key: &str) -> String {
    let answer = Answer::parse(&output.succeeds().stdout);
    answer.get(key).unwrap_or_else(|| panic!("no {key} in {:?}", answer.keys())).to_owned()
}

#[track_caller]
fn needs_sign_in(fixture: &Fixture, output: &Output) {
    let said = output.exits(77).error_line();
    assert!(said.contains(&format!("claude-credential login {}", fixture.name())), "{said}");
}

fn started(kind: ForeignKind) -> (Fixture, ForeignProvider) {
    let fixture = Fixture::new();
    let provider = ForeignProvider::start(kind, &fixture.sandbox);
    provider.configure(&fixture, &[]);
    (fixture, provider)
}
