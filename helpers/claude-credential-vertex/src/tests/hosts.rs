use claude_credential_protocol::{Capabilities, Class, Helper, HelperCli, Request, serve};

use super::server::{Reply, Server};
use super::{Fixture, service_account, vertex};

fn git(host: &str) -> Request {
    Request { capabilities: Capabilities::default(), ..Request::new("https", host) }
}

#[test]
fn git_gets_a_token_for_vertex_and_for_nobody_else() {
    let server = Server::start(vec![Reply::token("one")]);
    let fixture = Fixture::with(&service_account(&server));
    for host in [
        "api.anthropic.com",
        "us-east5-aiplatform.googleapis.com.evil.example",
        "us-east5-aiplatform.evil.example",
        "storage.googleapis.com",
        "aiplatform.googleapis.com:8443",
        "me@aiplatform.googleapis.com",
    ] {
        assert_eq!(fixture.helper.get(&git(host)), Ok(None), "{host}");
    }
    assert!(server.seen().is_empty());
    assert!(fixture.helper.get(&git("aiplatform.googleapis.com")).unwrap().is_some());
}

#[test]
fn a_gateway_that_the_user_listed_gets_a_key_without_further_headers() {
    let server = Server::start(vec![Reply::token("one")]);
    let mut fixture = Fixture::with(&service_account(&server));
    fixture.set("GOOGLE_CLOUD_QUOTA_PROJECT", "pays");
    fixture.set("CLOUD_ML_REGION", "global");
    let request = Request::new("https", "gateway.acme.example");
    let mut stdout = Vec::new();
    let message = request.to_message().unwrap().to_bytes();
    serve(&fixture.helper, "get", &mut message.as_slice(), &mut stdout).unwrap();
    let answer = String::from_utf8(stdout).unwrap();
    assert!(!answer.contains("claude.header"), "{answer}");
    for line in [
        "claude.kind=bearer\n",
        "credential=one\n",
        "claude.project=of-the-key\n",
        "claude.quota_project=pays\n",
        "claude.region=global\n",
        "claude.source=GOOGLE_APPLICATION_CREDENTIALS\n",
        "claude.account=me@of-the-key.iam.gserviceaccount.com\n",
    ] {
        assert!(answer.contains(line), "{answer}");
    }
}

#[test]
fn a_file_is_kept_for_no_account_and_for_a_path_if_the_user_listed_it() {
    let fixture = Fixture::with(&service_account(&Server::start(vec![Reply::token("one")])));
    let account = Request { username: Some("me".to_owned()), ..vertex() };
    let path = Request { path: Some("p".to_owned()), ..vertex() };
    let of_git = Request { capabilities: Capabilities::default(), ..path.clone() };
    assert_eq!((fixture.helper.get(&account), fixture.helper.get(&of_git)), (Ok(None), Ok(None)));
    assert!(fixture.helper.get(&path).unwrap().is_some());
}

#[test]
fn the_region_is_that_of_the_host_and_print_asks_that_of_the_variable() {
    let server = Server::start(vec![Reply::token("one")]);
    let mut fixture = Fixture::with(&service_account(&server));
    assert_eq!(fixture.helper.print_host().unwrap().as_listed(), "us-east5-aiplatform.googleapis.com");
    fixture.set("CLOUD_ML_REGION", "global");
    assert_eq!(fixture.helper.print_host().unwrap().as_listed(), "aiplatform.googleapis.com");
    assert_eq!(fixture.get().unwrap().unwrap().region.as_deref(), Some("us-east5"));
    fixture.set("CLOUD_ML_REGION", "evil.example/");
    let error = fixture.helper.print_host().unwrap_err();
    assert!(error.to_string().ends_with("run: unset CLOUD_ML_REGION"), "{error}");
    let mut key = service_account(&server);
    key["universe_domain"] = "evil.example/".into();
    let error = Fixture::with(&key).helper.print_host().unwrap_err().to_string();
    assert!(error.contains("`universe_domain` names no domain") && !error.contains("CLOUD_ML_REGION"), "{error}");
}

#[test]
fn the_project_is_found_in_the_documented_order() {
    let server = Server::start((0..12).map(|_| Reply::token("t")).collect());
    let mut key = service_account(&server);
    key.as_object_mut().unwrap().remove("project_id");
    let mut fixture = Fixture::with(&key);
    let project = |fixture: &Fixture| fixture.get().unwrap().unwrap().project;
    assert_eq!(project(&fixture), None);
    fixture.write(".config/gcloud/active_config", "work\n");
    fixture.write(".config/gcloud/configurations/config_work", "[core]\nproject = of-gcloud\n");
    assert_eq!(project(&fixture).as_deref(), Some("of-gcloud"));
    for (name, value) in [
        ("GOOGLE_CLOUD_QUOTA_PROJECT", "pays"),
        ("ANTHROPIC_VERTEX_PROJECT_ID", "of-anthropic"),
        ("GOOGLE_CLOUD_PROJECT", "of-google"),
        ("GCLOUD_PROJECT", "of-google-before"),
    ] {
        fixture.set(name, value);
        assert_eq!(project(&fixture).as_deref(), Some(value));
    }
    // An invalid name is skipped.
    for (name, next) in [
        ("GCLOUD_PROJECT", "of-google"),
        ("GOOGLE_CLOUD_PROJECT", "of-anthropic"),
        ("ANTHROPIC_VERTEX_PROJECT_ID", "pays"),
        ("GOOGLE_CLOUD_QUOTA_PROJECT", "of-gcloud"),
        ("CLOUDSDK_CORE_PROJECT", "of-gcloud"),
    ] {
        fixture.set(name, "my project");
        assert_eq!(project(&fixture).as_deref(), Some(next), "{name}");
    }
}

#[test]
fn nothing_is_kept_so_nothing_is_stored_or_erased() {
    let fixture = Fixture::with(&service_account(&Server::start(vec![])));
    for operation in ["store", "erase"] {
        let message = "protocol=https\nhost=aiplatform.googleapis.com\nusername=oauth2\npassword=CANARY\n\n";
        let mut stdout = Vec::new();
        serve(&fixture.helper, operation, &mut message.as_bytes(), &mut stdout).unwrap();
        assert!(stdout.is_empty());
    }
}

#[test]
fn without_gcloud_nobody_can_sign_in() {
    let mut fixture = Fixture::new(&[]);
    fixture.set("PATH", ".:/nowhere");
    let error = fixture.helper.run(crate::commands::UserCommand::Login { options: Vec::new() }).unwrap_err();
    assert!(error.class() == Class::Config && error.to_string().starts_with("gcloud is not on PATH"), "{error}");
}
