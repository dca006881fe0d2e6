//! Signing in on another device.

use claude_credential_protocol::Class;

use super::commands::{provider, run};
use super::server::{Reply, Server};

#[test]
fn a_device_code_is_asked_about_until_somebody_signs_in() {
    let begun = serde_json::json!({
        "device_code": "CANARY-device", "user_code": "WDJB-MJHT", "verification_uri": "https://a.example/device",
        "expires_in": 60, "interval": 1,
    });
    let server =
        Server::start(vec![Reply::json(&begun), Reply::error(400, "authorization_pending"), Reply::tokens(1, 3600)]);
    let fixture = provider(&server, "");
    let (outcome, said, _) = run(&fixture, &["login", "--device", "--no-browser"], None);
    outcome.unwrap();
    assert!(
        said.contains("https://a.example/device") && said.contains("WDJB-MJHT") && said.contains("waiting"),
        "{said}"
    );
    assert!(!said.contains("CANARY"), "{said}");
    assert_eq!(server.seen()[2].field("device_code").as_deref(), Some("CANARY-device"));
    server.will(Reply::json(&begun));
    server.will(Reply::error(400, "access_denied"));
    let error = run(&fixture, &["login", "--device", "--no-browser"], None).0.unwrap_err();
    assert!(error.class() == Class::SignIn && error.to_string().contains("access_denied"), "{error}");
}

#[test]
fn device_answers_are_read_as_they_come() {
    let begun = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut answer = serde_json::json!({
            "device_code": "CANARY-device", "user_code": "WDJB-MJHT",
            "verification_uri": "https://a.example/device", "expires_in": 60, "interval": 1,
        });
        change(&mut answer);
        Reply::json(&answer)
    };
    let text = begun(&|answer| (answer["expires_in"], answer["interval"]) = ("60".into(), "1".into()));
    let float = begun(&|answer| (answer["expires_in"], answer["interval"]) = (60.0.into(), 1.0.into()));
    let both = begun(&|answer| answer["verification_url"] = answer["verification_uri"].clone());
    let endless = begun(&|answer| answer["expires_in"] = serde_json::Value::Null);
    for reply in [text, float, both, endless] {
        let pending = Reply::Json(200, r#"{"error":"authorization_pending"}"#.to_owned());
        let server = Server::start(vec![reply, pending, Reply::tokens(1, 3600)]);
        let (outcome, said, _) = run(&provider(&server, ""), &["login", "--device", "--no-browser"], None);
        outcome.unwrap();
        assert!(said.contains("https://a.example/device") && said.contains("WDJB-MJHT"), "{said}");
    }
    for (error, class) in [
        ("access_denied", Class::SignIn),
        ("incorrect_device_code", Class::SignIn),
        ("device_flow_disabled", Class::Config),
    ] {
        let refused = Reply::Json(200, format!(r#"{{"error":"{error}"}}"#));
        let server = Server::start(vec![begun(&|_| {}), refused]);
        let outcome = run(&provider(&server, ""), &["login", "--device", "--no-browser"], None).0;
        assert_eq!(outcome.unwrap_err().class(), class, "{error}");
    }
    let disabled = Server::start(vec![Reply::Json(200, r#"{"error":"device_flow_disabled"}"#.to_owned())]);
    let error = run(&provider(&disabled, ""), &["login", "--device", "--no-browser"], None).0.unwrap_err();
    assert!(error.class() == Class::Config && error.to_string().contains("unauthorized_client"), "{error}");
}
