use std::net::TcpListener;

use claude_credential_protocol::{Capabilities, Class, Helper, Request};

use super::server::{Reply, Server};
use super::{Fixture, secret};

fn with(host: &str) -> Fixture {
    let mut fixture = Fixture::new(&[]);
    fixture.set("NO_GCE_CHECK", "");
    fixture.set("GCE_METADATA_HOST", host);
    fixture
}

const TOKEN: &str = r#"{"access_token":"the-machine's","expires_in":1800,"token_type":"Bearer"}"#;

fn universe() -> Reply {
    Reply::google("googleapis.com")
}

#[test]
fn a_machine_of_googles_has_a_token_and_a_project() {
    let replies = vec![Reply::google("ok"), universe(), Reply::google(TOKEN), Reply::google("its-project")];
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
    assert!(seen[0].line.starts_with("GET / ") && seen[2].line.starts_with(&token), "{seen:?}");
}

#[test]
fn a_project_that_is_known_is_not_asked_for() {
    let server = Server::start(vec![Reply::google("ok"), universe(), Reply::google(TOKEN)]);
    let mut fixture = with(server.host());
    fixture.set("ANTHROPIC_VERTEX_PROJECT_ID", "mine");
    assert_eq!(fixture.get().unwrap().unwrap().project.as_deref(), Some("mine"));
    assert_eq!(server.seen().len(), 3);
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
    // A later answer is checked, too.
    for replies in
        [vec![Reply::google("ok"), Reply::text(TOKEN)], vec![Reply::google("ok"), universe(), Reply::text(TOKEN)]]
    {
        let server = Server::start(replies);
        let words = with(server.host()).fails(Class::Config);
        assert!(words.contains("not as Google's metadata server does; run: unset GCE_METADATA_HOST"), "{words}");
    }
}

#[test]
fn a_machine_without_a_service_account_has_nothing() {
    let server = Server::start(vec![Reply::google("ok"), universe(), Reply::Json(404, String::new())]);
    assert_eq!(with(server.host()).get(), Ok(None));
    for (status, says) in
        [(403, "answered 403; give this machine a service account"), (400, "answered 400 to the request")]
    {
        let server = Server::start(vec![Reply::google("ok"), universe(), Reply::Json(status, "CANARY".to_owned())]);
        let words = with(server.host()).fails(Class::Config);
        assert!(words.contains(says), "{words}");
    }
}

#[test]
fn a_named_server_that_is_not_there_or_never_answers_is_said_by_its_name() {
    let words = with("127.0.0.1:1").fails(Class::Unavailable);
    assert!(words.starts_with("GCE_METADATA_HOST: http://127.0.0.1:1 can't be reached"), "{words}");
    // The kernel accepts connections, and no one reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut fixture = with(&silent.local_addr().unwrap().to_string());
    fixture.set("GCE_METADATA_TIMEOUT", "1");
    let words = fixture.fails(Class::Unavailable);
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

#[test]
fn who_is_in_trouble_is_there() {
    for status in [503, 429] {
        let server = Server::start((0..9).map(|_| Reply::Json(status, "CANARY".to_owned())).collect());
        let words = with(server.host()).fails(Class::Unavailable);
        assert!(words.starts_with(&format!("GCE_METADATA_HOST: the metadata server answered {status};")), "{words}");
        assert!(server.seen().len() > 1, "it is asked again");
    }
}

#[test]
fn who_is_busy_or_late_at_first_is_asked_again() {
    for first in [Reply::Json(503, String::new()), Reply::Json(429, String::new()), Reply::Never] {
        let replies = vec![first, Reply::google("ok"), universe(), Reply::google(TOKEN), Reply::google("its-project")];
        let server = Server::start(replies);
        let mut fixture = with(server.host());
        fixture.set("GCE_METADATA_TIMEOUT", "1");
        assert_eq!(fixture.token(), "the-machine's");
    }
}

#[test]
fn whether_a_server_is_looked_for_is_said_as_to_googles_library() {
    let token = || vec![universe(), Reply::google(TOKEN), Reply::google("its-project")];
    let server = Server::start(token());
    let mut fixture = with(server.host());
    fixture.set("METADATA_SERVER_DETECTION", " Assume-Present");
    assert_eq!(fixture.token(), "the-machine's");
    assert!(server.seen()[0].line.contains("universe-domain"), "nobody asks whether it is there");
    let server = Server::start(token());
    let mut fixture = with(server.host());
    fixture.set("METADATA_SERVER_DETECTION", "none");
    assert_eq!(fixture.get(), Ok(None));
    assert!(server.seen().is_empty());
    fixture.set("METADATA_SERVER_DETECTION", "CANARY");
    let words = fixture.fails(Class::Config);
    assert!(words.ends_with("run: unset METADATA_SERVER_DETECTION"), "{words}");
}

#[test]
fn a_machine_is_in_its_own_universe() {
    let domain = "apis.example.cloud";
    let elsewhere = || vec![Reply::google("ok"), Reply::google(domain), Reply::google(TOKEN)];
    let server = Server::start(elsewhere());
    let words = with(server.host()).fails(Class::Config);
    assert!(words.starts_with("the metadata server: these credentials are for apis.example.cloud"), "{words}");
    assert_eq!(server.seen().len(), 2);
    let server = Server::start(elsewhere());
    let host = "u-x-aiplatform.apis.example.cloud";
    assert!(with(server.host()).helper.get(&Request::new("https", host)).unwrap().is_some());
    // Without claude.v1 the host has to match.
    let request = Request { capabilities: Capabilities::default(), ..Request::new("https", host) };
    let server = Server::start(vec![Reply::google("ok"), universe(), Reply::google(TOKEN)]);
    assert_eq!(with(server.host()).helper.get(&request), Ok(None));
    // Older servers don't know the path.
    let server = Server::start(vec![Reply::google("ok"), Reply::Json(404, String::new()), Reply::google(TOKEN)]);
    assert!(with(server.host()).get().unwrap().is_some());
    // A gateway belongs to no universe.
    let server = Server::start(vec![Reply::google("ok"), Reply::google(TOKEN)]);
    let gateway = Request::new("https", "gateway.acme.example");
    assert!(with(server.host()).helper.get(&gateway).unwrap().is_some());
}

#[test]
fn a_project_that_is_not_told_at_once_is_done_without() {
    for last in [Reply::Json(500, String::new()), Reply::Never] {
        let server = Server::start(vec![Reply::google("ok"), universe(), Reply::google(TOKEN), last]);
        let credential = with(server.host()).get().unwrap().unwrap();
        assert_eq!((secret(&credential), credential.project), ("the-machine's".to_owned(), None));
        assert_eq!(server.seen().len(), 4);
    }
}
