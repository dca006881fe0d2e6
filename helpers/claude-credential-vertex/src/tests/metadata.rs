use std::net::TcpListener;

use claude_credential_protocol::Class;

use super::server::{Reply, Server};
use super::{Fixture, secret};

fn with(host: &str) -> Fixture {
    let mut fixture = Fixture::new(&[]);
    fixture.set("NO_GCE_CHECK", "");
    fixture.set("GCE_METADATA_HOST", host);
    fixture
}

const TOKEN: &str = r#"{"access_token":"the-machine's","expires_in":1800,"token_type":"Bearer"}"#;

#[test]
fn a_machine_of_googles_has_a_token_and_a_project() {
    let replies = vec![Reply::google("ok"), Reply::google(TOKEN), Reply::google("its-project")];
    let server = Server::start(replies);
    let credential = with(server.host()).get().unwrap().unwrap();
    assert_eq!(secret(&credential), "the-machine's");
    assert_eq!(credential.project.as_deref(), Some("its-project"));
    assert_eq!(credential.source.as_deref(), Some("metadata"));
    assert!(credential.expires_at.is_some());
    let seen = server.seen();
    assert!(seen.iter().all(|seen| seen.header("metadata-flavor") == Some("Google")), "{seen:?}");
    let scope = "scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform";
    let token = format!("GET /computeMetadata/v1/instance/service-accounts/default/token?{scope} ");
    assert!(seen[0].line.starts_with("GET / ") && seen[1].line.starts_with(&token), "{seen:?}");
}

#[test]
fn a_project_that_is_known_is_not_asked_for() {
    let server = Server::start(vec![Reply::google("ok"), Reply::google(TOKEN)]);
    let mut fixture = with(server.host());
    fixture.set("ANTHROPIC_VERTEX_PROJECT_ID", "mine");
    assert_eq!(fixture.get().unwrap().unwrap().project.as_deref(), Some("mine"));
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn somebody_else_at_that_address_gets_no_question_and_gives_no_answer() {
    let server = Server::start(vec![Reply::text("ok")]);
    let words = with(server.host()).fails(Class::Config);
    assert!(
        words.starts_with("GCE_METADATA_HOST:") && words.contains("not as Google's metadata server does"),
        "{words}"
    );
    assert_eq!(server.seen().len(), 1);
    // Nor later.
    let server = Server::start(vec![Reply::google("ok"), Reply::text(TOKEN)]);
    with(server.host()).fails(Class::Config);
}

#[test]
fn a_machine_without_a_service_account_has_nothing() {
    let server = Server::start(vec![Reply::google("ok"), Reply::Json(404, String::new())]);
    assert_eq!(with(server.host()).get(), Ok(None));
}

#[test]
fn a_named_server_that_is_not_there_or_never_answers_is_said_by_its_name() {
    let words = with("127.0.0.1:1").fails(Class::Unavailable);
    assert!(words.starts_with("GCE_METADATA_HOST: http://127.0.0.1:1 can't be reached"), "{words}");
    // It takes connections, since the kernel does, and nobody ever reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let words = with(&silent.local_addr().unwrap().to_string()).fails(Class::Unavailable);
    assert!(words.ends_with("did not answer in time"), "{words}");
    assert!(with("CANARY CANARY").get().unwrap_err().to_string().starts_with("GCE_METADATA_HOST names no HOST[:PORT]"));
}

#[test]
fn who_says_that_there_is_none_is_believed() {
    let server = Server::start(vec![]);
    let mut fixture = with(server.host());
    fixture.set("NO_GCE_CHECK", "true");
    assert_eq!(fixture.get(), Ok(None));
    let mut fixture = with(server.host());
    fixture.helper = super::Fixture::new(&["--source", "env", "--source", "gcloud"]).helper;
    fixture.set("X", "");
    assert_eq!(fixture.get(), Ok(None));
    assert!(server.seen().is_empty());
}
