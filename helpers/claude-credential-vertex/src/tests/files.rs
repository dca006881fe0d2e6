use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

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
    // The working directory may belong to another user.
    fixture.set(VARIABLE, "key.json");
    assert!(fixture.fails(Class::Config).contains("not an absolute path"));
}

#[test]
fn a_file_that_is_just_written_is_read_when_that_is_done() {
    let server = Server::start((0..50).map(|_| Reply::token("one")).collect());
    let fixture = Fixture::with(&authorized_user(&server));
    let (file, text) = (fixture.home.path().join("credentials.json"), authorized_user(&server).to_string());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Written in place, as by gcloud: the file is empty for a moment.
                fs::write(&file, &text).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        });
        let tokens: Vec<_> = (0..50).map(|_| fixture.get().map(|found| found.is_some())).collect();
        done.store(true, Ordering::Relaxed);
        assert!(tokens.iter().all(|token| *token == Ok(true)), "{tokens:?}");
    });
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
fn a_file_that_can_not_be_read_is_said_by_the_variable_that_leads_there() {
    let mut fixture = Fixture::new(&[]);
    fixture.write(".config", "no folder");
    let words = fixture.fails(Class::Config);
    assert!(words.starts_with("can't use ") && words.ends_with("; mend that, or set HOME anew"), "{words}");
    let folder = fixture.home.path().join(".config/x");
    fixture.set("CLOUDSDK_CONFIG", folder.to_str().unwrap());
    assert!(fixture.fails(Class::Config).ends_with("set CLOUDSDK_CONFIG anew"));
    fixture.set(VARIABLE, folder.to_str().unwrap());
    assert!(fixture.fails(Class::Config).ends_with(&format!("set {VARIABLE} anew")));
}

/// Root can read every folder, so as root the test runs itself as the user `nobody`.
#[test]
fn a_folder_that_is_closed_to_us_is_an_error_that_names_it() {
    const NAME: &str = "tests::files::a_folder_that_is_closed_to_us_is_an_error_that_names_it";
    if rustix::process::geteuid().is_root() {
        let nobody = || {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
            command
        };
        let own = std::env::current_exe().unwrap();
        if nobody().arg("test").arg("-x").arg(&own).status().is_ok_and(|status| status.success()) {
            assert!(nobody().arg(own).args(["--exact", NAME]).status().unwrap().success());
        } else {
            eprintln!("SKIPPED: there is no setpriv, or nobody may not run this test");
        }
        return;
    }
    let mut fixture = Fixture::new(&[]);
    let file = fixture.write("closed/application_default_credentials.json", "{}");
    let folder = file.parent().unwrap();
    fixture.set("CLOUDSDK_CONFIG", folder.to_str().unwrap());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    assert!(fixture.fails(Class::Config).ends_with("set CLOUDSDK_CONFIG anew"));
    fs::set_permissions(folder, fs::Permissions::from_mode(0o000)).unwrap();
    assert!(fixture.fails(Class::Config).contains(&format!("can't look into {}", folder.display())));
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
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
        ("{\"type\": \"service_account\",\n  CANARY}", "credentials.json:2:3: this is not a Google credentials file"),
        ("{\"type\": {\"CANARY\": 1}}", "credentials.json:1:9: this is not a Google credentials file"),
        ("{}", "`type` is missing"),
        ("{\"type\": \"CANARY\"}", "its `type` is unknown"),
        ("{\"type\": \"gdch_service_account\"}", "of the type gdch_service_account are not supported"),
        ("{\"type\": \"service_account\", \"private_key\": \"CANARY\"}", "`client_email` is missing"),
        (
            "{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": \"CANARY\"}",
            "not an RSA key in PEM",
        ),
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

#[test]
fn a_file_that_others_can_change_names_nothing_that_is_read_or_asked() {
    let server = Server::start(vec![]);
    let url = json!({ "url": format!("{}/subject", server.url) });
    let person = json!({ "type": "external_account_authorized_user", "client_id": "a", "refresh_token": "CANARY" });
    let file = json!({ "file": "/nowhere/CANARY" });
    for credentials in [
        external_account(&server, &url),
        external_account(&server, &file),
        person,
        impersonated(&server, &external_account(&server, &url)),
    ] {
        let fixture = Fixture::with(&credentials);
        let path = fixture.home.path().join("credentials.json");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let words = fixture.fails(Class::Config);
        assert!(words.ends_with(&format!("can be changed by others; run: chmod go-w {}", path.display())), "{words}");
        // Only root can change the owner.
        if std::os::unix::fs::chown(&path, Some(65534), None).is_ok() {
            let words = fixture.fails(Class::Config);
            assert!(words.contains("belongs to another user; read it") && !words.contains("chown"), "{words}");
        }
    }
    assert!(server.seen().is_empty());
}
