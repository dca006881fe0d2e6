use std::net::TcpListener;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use claude_credential_protocol::{Class, Helper, HelperCli, Request, now};
use serde_json::{Value, json};

use super::server::{RecordedRequest, Reply, Server};
use super::{Fixture, authorized_user, impersonated, secret, service_account, vertex};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The claims of the assertion in a request.
fn claims(seen: &RecordedRequest) -> Value {
    assert_eq!(seen.field("grant_type").as_deref(), Some("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    let assertion = seen.field("assertion").unwrap();
    part(assertion.split('.').nth(1).unwrap())
}

fn part(part: &str) -> Value {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&base64::alphabet::URL_SAFE, config).decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn a_service_account_signs_for_the_scope_and_asks_where_its_file_says() {
    let server = Server::start(vec![Reply::token("CANARY-token")]);
    let before = now() / 1000;
    let credential = Fixture::with(&service_account(&server)).get().unwrap().unwrap();
    assert_eq!(secret(&credential), "CANARY-token");
    assert_eq!(credential.account.as_deref(), Some("me@of-the-key.iam.gserviceaccount.com"));
    assert_eq!(credential.project.as_deref(), Some("of-the-key"));
    assert!((before + 3600..=now() / 1000 + 3600).contains(&credential.expires_at.unwrap()), "{credential:?}");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].line.starts_with("POST /token "), "{seen:?}");
    let claims = claims(&seen[0]);
    assert_eq!(claims["iss"], "me@of-the-key.iam.gserviceaccount.com");
    assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
    assert_eq!(claims["scope"], SCOPE);
    let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert!((3000..=3600).contains(&life), "{claims}");
}

#[test]
fn in_another_universe_the_jwt_is_the_token_and_nobody_is_asked() {
    let server = Server::start(vec![]);
    let mut key = service_account(&server);
    key["universe_domain"] = "apis.example.cloud".into();
    let fixture = Fixture::with(&key);
    // Google's own Vertex rejects it.
    assert!(fixture.fails(Class::Config).contains("these credentials are for apis.example.cloud"));
    let request = Request::new("https", "u-x-aiplatform.apis.example.cloud");
    let credential = fixture.helper.get(&request).unwrap().unwrap();
    let claims = part(secret(&credential).split('.').nth(1).unwrap());
    assert_eq!((&claims["scope"], &claims["sub"]), (&SCOPE.into(), &claims["iss"]));
    assert_eq!(claims["exp"].as_u64(), credential.expires_at);
    assert!(server.seen().is_empty());
    let print = fixture.helper.print_host().unwrap();
    assert_eq!(print.as_listed(), "us-east5-aiplatform.apis.example.cloud");
}

#[test]
fn a_person_is_a_refresh_token_and_a_quota_project() {
    let server = Server::start(vec![Reply::token("one")]);
    let mut person = authorized_user(&server);
    person["quota_project_id"] = "pays".into();
    let credential = Fixture::with(&person).get().unwrap().unwrap();
    assert_eq!(credential.quota_project.as_deref(), Some("pays"));
    assert_eq!(credential.project.as_deref(), Some("pays"));
    // As a header it would prevent the use of the token as a gateway's key.
    assert!(credential.headers.is_empty() && credential.account.is_none());
    let seen = &server.seen()[0];
    for (name, value) in [
        ("grant_type", "refresh_token"),
        ("refresh_token", "CANARY-refresh"),
        ("client_id", "id"),
        ("client_secret", "CANARY-secret"),
    ] {
        assert_eq!(seen.field(name).as_deref(), Some(value));
    }
}

#[test]
fn a_sign_in_that_is_over_names_the_command_that_begins_another() {
    const LOGIN: &str = "run: gcloud auth application-default login";
    for (error, subtype, says) in [
        ("invalid_grant", None, "says invalid_grant, the sign-in is no longer valid"),
        ("invalid_grant", Some("invalid_rapt"), "requires a new sign-in (invalid_rapt)"),
        ("invalid_grant", Some("rapt_required"), "requires a new sign-in (rapt_required)"),
    ] {
        let refused = || Reply::refusal(error, subtype);
        let server = Server::start(vec![refused(), refused(), refused()]);
        let fixture = Fixture::new(&[]);
        let name = ".config/gcloud/application_default_credentials.json";
        fixture.write(name, &authorized_user(&server).to_string());
        let words = fixture.fails(Class::SignIn);
        assert!(words.contains(says) && words.ends_with(&format!("; {LOGIN}")), "{words}");
        fixture.write(name, &impersonated(&server, &authorized_user(&server)).to_string());
        let words = fixture.fails(Class::SignIn);
        assert!(words.ends_with(&format!("{LOGIN} --impersonate-service-account=she@p.iam.gserviceaccount.com")));
        // gcloud does not write the file that the variable names.
        let words = Fixture::with(&authorized_user(&server)).fails(Class::SignIn);
        assert!(words.contains("unset GOOGLE_APPLICATION_CREDENTIALS;") && words.ends_with(LOGIN), "{words}");
        assert_eq!(server.seen().len(), 3);
    }
}

#[test]
fn a_command_to_paste_has_all_of_the_chain_in_it_and_nothing_that_a_shell_acts_on() {
    for (target, delegates, ends) in [
        (
            "she@p.iam.gserviceaccount.com",
            json!(["projects/-/serviceAccounts/he@p.iam.gserviceaccount.com", "it@p.iam.gserviceaccount.com"]),
            "login --impersonate-service-account=he@p.iam.gserviceaccount.com,it@p.iam.gserviceaccount.com,\
             she@p.iam.gserviceaccount.com",
        ),
        ("a@b;id>$HOME", json!(null), "application-default login"),
        ("she@p.iam.gserviceaccount.com", json!(["a@b;id>$HOME"]), "application-default login"),
    ] {
        let server = Server::start(vec![Reply::refusal("invalid_grant", None)]);
        let mut file = impersonated(&server, &authorized_user(&server));
        let url = format!("{}/v1/projects/-/serviceAccounts/{target}:generateAccessToken", server.url);
        file["service_account_impersonation_url"] = url.into();
        file["delegates"] = delegates;
        let words = Fixture::with(&file).fails(Class::SignIn);
        assert!(words.ends_with(ends) && !words.contains('$'), "{words}");
    }
}

#[test]
fn a_key_that_is_refused_is_no_sign_in() {
    let server = Server::start(vec![Reply::refusal("invalid_grant", None)]);
    let words = Fixture::with(&service_account(&server)).fails(Class::Config);
    assert!(words.contains("says invalid_grant to its key, which may be deleted or disabled"), "{words}");
    let date = "Date: Thu, 01 Jan 2015 00:00:00 GMT\r\n";
    let server = Server::start(vec![Reply::With(400, date, "{\"error\":\"invalid_grant\"}".to_owned())]);
    let words = Fixture::with(&service_account(&server)).fails(Class::Config);
    assert!(words.contains("this machine's clock is") && words.ends_with("set the clock"), "{words}");
}

#[test]
fn the_network_and_whoever_sits_in_it_are_for_later() {
    let redirect = Reply::With(302, "Location: https://evil.example/\r\n", String::new());
    let passing = Reply::refusal("temporarily_unavailable", None);
    for reply in [Reply::text("CANARY"), Reply::text("{\"access_token\":\"\"}"), redirect, passing] {
        let server = Server::start(vec![reply]);
        Fixture::with(&service_account(&server)).fails(Class::Unavailable);
        assert_eq!(server.seen().len(), 1);
    }
    let mut nobody = service_account(&Server::start(vec![]));
    nobody["token_uri"] = "http://127.0.0.1:1/token".into();
    assert!(Fixture::with(&nobody).fails(Class::Unavailable).contains("can't be reached"));
}

#[test]
fn who_never_answers_is_given_up_when_the_caller_gives_up() {
    // The kernel accepts connections, and no one reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut request = vertex();
    request.deadline = Some(now() + 1000);
    for file in [service_account(&Server::start(vec![])), authorized_user(&Server::start(vec![]))] {
        let mut file = file;
        file["token_uri"] = url.as_str().into();
        let error = Fixture::with(&file).helper.get(&request).unwrap_err();
        assert_eq!(error.class(), Class::Unavailable);
        assert!(error.to_string().ends_with("did not answer in time"), "{error}");
    }
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let server = Server::start(vec![Reply::Json(503, "busy".to_owned()), Reply::token("one")]);
    assert_eq!(Fixture::with(&authorized_user(&server)).token(), "one");
}

#[test]
fn a_life_is_a_number_in_whatever_form_and_as_long_as_the_wire_can_tell() {
    let answer = |life: &str| Reply::text(&format!(r#"{{"access_token":"one","token_type":"bearer"{life}}}"#));
    for (life, expected) in [
        (r#","expires_in":"3600""#, Some(3600)),
        (r#","expires_in":3600.9"#, Some(3600)),
        (r#","expires_in":"3600.9""#, Some(3600)),
        (r#","expires_in":null"#, None),
        ("", None),
    ] {
        let server = Server::start(vec![answer(life)]);
        let before = now() / 1000;
        let ends = Fixture::with(&authorized_user(&server)).get().unwrap().unwrap().expires_at;
        let range = |span| before + span..=now() / 1000 + span;
        assert_eq!(ends.is_some(), expected.is_some(), "{life}");
        assert!(expected.is_none_or(|span| range(span).contains(&ends.unwrap())), "{life}: {ends:?}");
    }
    // The second is more than yup-oauth2 can add to a time.
    for life in
        [r#","expires_in":253402300799"#, r#","expires_in":999999999999"#, r#","expires_in":18446744073709551615"#]
    {
        let server = Server::start(vec![answer(life), answer(life)]);
        for file in [authorized_user(&server), service_account(&server)] {
            let credential = Fixture::with(&file).get().unwrap().unwrap();
            assert_eq!(credential.expires_at, Some(253_402_300_799), "{life}");
            assert!(credential.answer(&vertex()).is_ok());
        }
    }
}

#[test]
fn a_life_that_is_no_number_is_not_for_ever_and_only_bearers_count() {
    for rest in [
        r#""expires_in":"CANARY""#,
        r#""expires_in":-1"#,
        r#""expires_in":1e300"#,
        r#""expires_in":"inf""#,
        r#""expires_in":[]"#,
        r#""expires_in":true"#,
        r#""token_type":"mac""#,
        r#""token_type":"""#,
    ] {
        let server = Server::start(vec![Reply::text(&format!(r#"{{"access_token":"CANARY",{rest}}}"#))]);
        Fixture::with(&authorized_user(&server)).fails(Class::Unavailable);
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn who_is_somebody_else_asks_for_no_more_than_that_first() {
    let server = Server::start(vec![Reply::token("source"), Reply::impersonated("hers")]);
    let mut file = impersonated(&server, &service_account(&server));
    file["delegates"] = json!(["he@p.iam.gserviceaccount.com"]);
    let credential = Fixture::with(&file).get().unwrap().unwrap();
    assert_eq!(secret(&credential), "hers");
    assert_eq!(credential.account.as_deref(), Some("she@p.iam.gserviceaccount.com"));
    assert_eq!(credential.expires_at, Some(4_070_908_800));
    let seen = server.seen();
    assert_eq!(claims(&seen[0])["scope"], "https://www.googleapis.com/auth/iam");
    assert_eq!(seen[1].header("authorization"), Some("Bearer source"));
    let body: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(body, json!({ "scope": [SCOPE], "lifetime": "3600s", "delegates": ["he@p.iam.gserviceaccount.com"] }));
}

#[test]
fn who_may_not_be_somebody_else_hears_what_he_lacks() {
    for (status, says) in [
        (403, "grant roles/iam.serviceAccountTokenCreator on it"),
        (400, "mend `delegates` and `token_lifetime_seconds` there"),
        (401, "the token of its `source_credentials` was rejected, mend that there"),
        (404, "mend `service_account_impersonation_url` there"),
        (418, "look at `service_account_impersonation_url` there"),
    ] {
        let server = Server::start(vec![Reply::token("CANARY-source"), Reply::Json(status, "CANARY".to_owned())]);
        let words = Fixture::with(&impersonated(&server, &authorized_user(&server))).fails(Class::Config);
        assert!(words.contains(&format!("answered {status} ")) && words.ends_with(says), "{words}");
    }
}

#[test]
fn a_key_for_es256_is_named_as_what_it_is() {
    let server = Server::start(vec![]);
    let mut file = service_account(&server);
    file["private_key"] = include_str!("key-ec.pem").into();
    let words = Fixture::with(&file).fails(Class::Config);
    assert!(words.ends_with("only RSA keys are read; create a key of the type RSA"), "{words}");
    assert!(server.seen().is_empty());
}

#[test]
fn fields_that_nobody_needs_may_be_anything() {
    let server = Server::start(vec![Reply::token("t")]);
    let mut file = service_account(&server);
    file["project_id"] = 123_456.into();
    file["private_key_id"] = json!({});
    file["quota_project_id"] = false.into();
    let credential = Fixture::with(&file).get().unwrap().unwrap();
    assert_eq!((secret(&credential).as_str(), credential.project.as_deref()), ("t", Some("123456")));
}
