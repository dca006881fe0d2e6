use claude_credential_protocol::{Auth, BaseUrl, Helper, Request};

use super::Template;

/// A variable with one word, which cargo sets for tests.
const A_VARIABLE: &str = "CARGO_PKG_NAME";

#[test]
fn the_key_is_what_the_variable_holds() {
    let credential = template(A_VARIABLE).get(&request("api.anthropic.com")).expect("no error").expect("a credential");
    let Auth::ApiKey(key) = &credential.auth else { panic!("the credential is no API key") };
    assert_eq!(Some(key.expose()), std::env::var(A_VARIABLE).ok().as_deref());
}

#[test]
fn without_the_variable_there_is_nothing() {
    let found = template("TEMPLATE_KEY_THAT_IS_NOT_SET").get(&request("api.anthropic.com"));
    assert!(found.expect("no error").is_none());
}

#[test]
fn another_host_or_an_account_gets_nothing() {
    let helper = template(A_VARIABLE);
    assert!(helper.get(&request("foreign.example")).expect("no error").is_none());
    let request = Request { username: Some("alice".to_owned()), ..request("api.anthropic.com") };
    assert!(helper.get(&request).expect("no error").is_none());
}

fn template(variable: &str) -> Template {
    let host = BaseUrl::listed("api.anthropic.com").expect("a host");
    Template { variable: variable.to_owned(), host }
}

fn request(host: &str) -> Request {
    Request::new("https".to_owned(), host.to_owned())
}
