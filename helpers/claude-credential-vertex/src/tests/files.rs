use std::fs;
use std::os::unix::fs::PermissionsExt;

use claude_credential_protocol::Class;
use serde_json::json;

use super::server::{Reply, Server};
use super::{Fixture, VARIABLE, authorized_user, external_account, impersonated, service_account};

#[test]
fn a_file_that_is_not_there_is_named_with_its_variable() {
    let mut fixture = Fixture::new(&[]);
    fixture.set(VARIABLE, "/nowhere/key.json");
    let words = fixture.fails(Class::Config);
    assert!(words.starts_with(&format!("/nowhere/key.json, which {VARIABLE} names, does not exist;")), "{words}");
    assert!(words.ends_with(&format!("run: unset {VARIABLE}")), "{words}");
    // The working directory may be somebody else's.
    fixture.set(VARIABLE, "key.json");
    assert!(fixture.fails(Class::Config).contains("not an absolute path"));
}

#[test]
fn where_there_is_nothing_the_answer_is_none() {
    assert_eq!(Fixture::new(&[]).get(), Ok(None));
}

#[test]
fn what_gcloud_left_is_found_where_gcloud_keeps_it() {
    let server = Server::start(vec![Reply::token("one"), Reply::token("two")]);
    let mut fixture = Fixture::new(&["--source", "gcloud"]);
    let text = authorized_user(&server).to_string();
    fixture.write(".config/gcloud/application_default_credentials.json", &text);
    let credential = fixture.get().unwrap().unwrap();
    assert_eq!((credential.source.as_deref(), super::secret(&credential)), (Some("gcloud"), "one".to_owned()));
    let folder = fixture.home.path().join("elsewhere");
    fixture.set("CLOUDSDK_CONFIG", folder.to_str().unwrap());
    assert_eq!(fixture.get(), Ok(None));
    fixture.write("elsewhere/application_default_credentials.json", &text);
    assert_eq!(fixture.token(), "two");
    fixture.set("CLOUDSDK_CONFIG", "elsewhere");
    assert!(fixture.fails(Class::Config).starts_with("CLOUDSDK_CONFIG is not an absolute path"));
}

#[test]
fn the_variable_wins_over_gcloud() {
    let server = Server::start(vec![Reply::token("of-the-key")]);
    let fixture = Fixture::with(&service_account(&server));
    fixture.write(".config/gcloud/application_default_credentials.json", "CANARY, and never read");
    assert_eq!(fixture.get().unwrap().unwrap().source.as_deref(), Some(VARIABLE));
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_a_word_of_it() {
    let fixture = Fixture::with(&json!({}));
    for (text, says) in [
        ("{\"type\": \"service_account\",\n  CANARY}", "credentials.json:2:3: this is no credentials file of Google's"),
        ("{\"type\": {\"CANARY\": 1}}", "credentials.json:1:9: this is no credentials file of Google's"),
        ("{}", "`type` is missing"),
        ("{\"type\": \"CANARY\"}", "its `type` is none that is known"),
        ("{\"type\": \"gdch_service_account\"}", "of the type gdch_service_account are not supported"),
        ("{\"type\": \"service_account\", \"private_key\": \"CANARY\"}", "`client_email` is missing"),
        ("{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": \"CANARY\"}", "no RSA key in PEM"),
        ("{\"type\": \"authorized_user\", \"client_id\": \"a\"}", "`client_secret` is missing"),
        ("{\"type\": \"impersonated_service_account\"}", "`source_credentials` is missing"),
        ("{\"type\": \"external_account\"}", "`audience` is missing"),
    ] {
        fixture.write("credentials.json", text);
        let words = fixture.fails(Class::Config);
        assert!(words.contains(says), "{text}: {words}");
    }
}

#[test]
fn secrets_go_to_https_and_to_this_machine_alone() {
    let server = Server::start(vec![Reply::token("source"), Reply::token("source")]);
    let far = "http://token.example/CANARY";
    let external = external_account(&server, &json!({ "file": "/nowhere" }));
    let mut cases = vec![];
    for (name, mut file) in [
        ("token_uri", service_account(&server)),
        ("token_uri", authorized_user(&server)),
        ("token_url", external),
        ("service_account_impersonation_url", impersonated(&server, &service_account(&server))),
    ] {
        file[name] = far.into();
        cases.push((name, file));
    }
    cases.push(("url", external_account(&server, &json!({ "url": far }))));
    for (name, file) in cases {
        let words = Fixture::with(&file).fails(Class::Config);
        assert!(words.contains(&format!("`{name}` is not an https URL, nor one of this machine")), "{words}");
    }
}

#[test]
fn a_file_that_others_may_read_is_read_as_googles_libraries_read_it() {
    let server = Server::start(vec![Reply::token("one")]);
    let fixture = Fixture::with(&service_account(&server));
    let path = fixture.home.path().join("credentials.json");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(fixture.token(), "one");
}

#[test]
fn a_kind_of_source_that_is_not_supported_is_named() {
    let server = Server::start(vec![]);
    for (source, says) in [
        (json!({ "certificate": { "use_default_certificate_config": true } }), "X.509"),
        (json!({ "environment_id": "aws2" }), "aws1"),
        (json!({}), "has none of `file`, `url`, `executable` and `environment_id`"),
    ] {
        let words = Fixture::with(&external_account(&server, &source)).fails(Class::Config);
        assert!(words.contains(says), "{words}");
    }
    assert!(server.seen().is_empty());
}
