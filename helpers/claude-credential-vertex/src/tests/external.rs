use claude_credential_protocol::Class;
use serde_json::{Value, json};

use super::server::{Reply, Server};
use super::{Fixture, external_account, impersonation_url};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

#[test]
fn a_token_in_a_file_is_exchanged_without_the_line_end_behind_it() {
    let server = Server::start(vec![Reply::token("one"), Reply::token("two")]);
    let fixture = Fixture::new(&[]);
    let text = fixture.write("token", "the-subject\n");
    let field = fixture.write("token.json", r#"{"field": "the-subject"}"#);
    let format = json!({ "type": "json", "subject_token_field_name": "field" });
    for (source, token) in [(json!({ "file": text }), "one"), (json!({ "file": field, "format": format }), "two")] {
        assert_eq!(Fixture::with(&external_account(&server, &source)).token(), token);
    }
    for seen in server.seen() {
        for (name, value) in [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", "//iam.googleapis.com/the-pool"),
            ("scope", SCOPE),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", "the-subject"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ] {
            assert_eq!(seen.field(name).as_deref(), Some(value));
        }
        assert_eq!((seen.field("options"), seen.header("authorization")), (None, None));
    }
}

#[test]
fn a_file_without_a_token_is_named_and_not_shown() {
    let server = Server::start(vec![]);
    let fixture = Fixture::new(&[]);
    let format = json!({ "type": "json", "subject_token_field_name": "field" });
    for (text, source, says) in [
        (" \n", json!({}), "holds no token"),
        ("CANARY", json!({ "format": format }), "holds no JSON: line 1:1"),
        ("{\"other\": \"CANARY\"}", json!({ "format": format }), "has no text `field` in its JSON"),
        ("{\"other\": \"CANARY\"}", json!({ "format": { "type": "json" } }), "`subject_token_field_name` is missing"),
        ("CANARY", json!({ "format": { "type": "CANARY" } }), "neither text nor json"),
    ] {
        let mut source = source;
        source["file"] = fixture.write("token", text).to_str().into();
        let words = Fixture::with(&external_account(&server, &source)).fails(Class::Config);
        assert!(words.contains(says), "{words}");
    }
    for file in ["/nowhere/token", "token"] {
        let words = Fixture::with(&external_account(&server, &json!({ "file": file }))).fails(Class::Config);
        assert!(words.contains(&format!("{file}, the `file` of its credential source")), "{words}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_token_from_a_url_is_asked_for_with_the_headers_of_the_file() {
    let server = Server::start(vec![Reply::text("{\"field\": \"the-subject\"}"), Reply::token("one")]);
    let source = json!({
        "url": format!("{}/subject?a=b", server.url), "headers": { "Metadata": "True" },
        "format": { "type": "json", "subject_token_field_name": "field" },
    });
    assert_eq!(Fixture::with(&external_account(&server, &source)).token(), "one");
    let seen = server.seen();
    assert!(seen[0].line.starts_with("GET /subject?a=b ") && seen[0].header("metadata") == Some("True"), "{seen:?}");
    assert_eq!(seen[1].field("subject_token").as_deref(), Some("the-subject"));
    let server = Server::start(vec![Reply::Json(404, "CANARY".to_owned())]);
    let source = json!({ "url": format!("{}/CANARY", server.url) });
    let words = Fixture::with(&external_account(&server, &source)).fails(Class::Config);
    assert!(words.contains("the `url` of its credential source, answered 404"), "{words}");
}

#[test]
fn who_is_to_be_impersonated_is_had_by_a_token_for_that_alone() {
    let server = Server::start(vec![Reply::token("CANARY-source"), Reply::impersonated("hers")]);
    let fixture = Fixture::new(&[]);
    let mut file = external_account(&server, &json!({ "file": fixture.write("token", "the-subject") }));
    file["service_account_impersonation_url"] = impersonation_url(&server).into();
    file["service_account_impersonation"] = json!({ "token_lifetime_seconds": 1200 });
    let fixture = Fixture::with(&file);
    let credential = fixture.get().unwrap().unwrap();
    assert_eq!(super::secret(&credential), "hers");
    assert_eq!(credential.account.as_deref(), Some("she@p.iam.gserviceaccount.com"));
    let seen = server.seen();
    assert_eq!(seen[0].field("scope").as_deref(), Some("https://www.googleapis.com/auth/iam"));
    let body: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(body, json!({ "scope": [SCOPE], "lifetime": "1200s" }));
}

#[test]
fn a_workforce_says_who_asks_or_whose_quota_it_uses() {
    let server = Server::start(vec![Reply::token("one"), Reply::token("two")]);
    let fixture = Fixture::new(&[]);
    let mut file = external_account(&server, &json!({ "file": fixture.write("token", "the-subject") }));
    file["workforce_pool_user_project"] = "pays".into();
    assert_eq!(Fixture::with(&file).token(), "one");
    file["client_id"] = "id".into();
    file["client_secret"] = "CANARY".into();
    assert_eq!(Fixture::with(&file).token(), "two");
    let seen = server.seen();
    assert_eq!(seen[0].field("options").as_deref(), Some("%7B%22userProject%22%3A%22pays%22%7D"));
    assert_eq!(seen[0].header("authorization"), None);
    assert_eq!(seen[1].header("authorization"), Some("Basic aWQ6Q0FOQVJZ"));
    assert_eq!(seen[1].field("options"), None);
}

#[test]
fn a_subject_that_is_refused_is_no_sign_in() {
    let server = Server::start(vec![Reply::refusal("invalid_grant", None)]);
    let fixture = Fixture::new(&[]);
    let file = external_account(&server, &json!({ "file": fixture.write("token", "CANARY") }));
    let words = Fixture::with(&file).fails(Class::Config);
    assert!(words.contains("says invalid_grant to the token of its credential source"), "{words}");
}

#[test]
fn a_person_from_elsewhere_is_refreshed_where_his_file_says() {
    let server = Server::start(vec![Reply::token("one"), Reply::refusal("invalid_grant", None)]);
    let fixture = Fixture::with(&json!({
        "type": "external_account_authorized_user", "client_id": "id", "client_secret": "s",
        "refresh_token": "CANARY-refresh", "token_url": format!("{}/oauthtoken", server.url),
    }));
    assert_eq!(fixture.token(), "one");
    let seen = &server.seen()[0];
    assert_eq!(seen.field("refresh_token").as_deref(), Some("CANARY-refresh"));
    assert_eq!(seen.header("authorization"), Some("Basic aWQ6cw=="));
    // Without this option gcloud would sign in to a Google account.
    assert!(fixture.fails(Class::SignIn).ends_with("run: gcloud auth application-default login --login-config=FILE"));
}

fn aws(server: &Server) -> Value {
    let url = |path: &str| format!("{}{path}", server.url);
    let mut file = external_account(
        server,
        &json!({
            "environment_id": "aws1", "region_url": url("/zone"), "url": url("/roles"),
            "regional_cred_verification_url":
                "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
            "imdsv2_session_token_url": url("/session"),
        }),
    );
    file["subject_token_type"] = "urn:ietf:params:aws:token-type:aws4_request".into();
    file
}

/// Decodes the request in the subject token, as Google does.
fn request(subject: &str) -> (Value, impl Fn(&str) -> Option<String> + use<>) {
    let url = reqwest::Url::parse(&format!("http://x/?v={subject}")).unwrap();
    let request: Value = serde_json::from_str(&url.query_pairs().next().unwrap().1).unwrap();
    let headers = request["headers"].as_array().unwrap().clone();
    let header = move |name: &str| {
        let found = headers.iter().find(|header| header["key"] == name);
        found.map(|header| header["value"].as_str().unwrap().to_owned())
    };
    (request, header)
}

#[test]
fn keys_of_aws_in_variables_ask_nobody_else() {
    let server = Server::start(vec![Reply::token("one")]);
    let mut fixture = Fixture::with(&aws(&server));
    fixture.set("AWS_REGION", "eu-west-1");
    fixture.set("AWS_ACCESS_KEY_ID", "AKIAVARIABLE");
    fixture.set("AWS_SECRET_ACCESS_KEY", "CANARY-secret");
    assert_eq!(fixture.token(), "one");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert!(!seen[0].body.contains("CANARY"));
    let (request, header) = request(&seen[0].field("subject_token").unwrap());
    assert_eq!(request["method"], "POST");
    assert_eq!(request["url"], "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(header("x-goog-cloud-target-resource").as_deref(), Some("//iam.googleapis.com/the-pool"));
    assert_eq!(header("host").as_deref(), Some("sts.eu-west-1.amazonaws.com"));
    let authorization = header("authorization").unwrap();
    assert!(
        authorization.contains("Credential=AKIAVARIABLE/") && authorization.contains("/eu-west-1/sts/aws4_request")
    );
    assert_eq!(header("x-amz-security-token"), None);
}

#[test]
fn a_file_does_not_choose_what_is_asked_of_aws_with_the_users_keys() {
    let server = Server::start(vec![]);
    for (question, region) in [
        ("https://iam.amazonaws.com/?Action=CreateAccessKey&Version=2010-05-08", "eu-west-1"),
        ("https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15", "evil.example/x?y="),
    ] {
        let mut file = aws(&server);
        file["credential_source"]["regional_cred_verification_url"] = question.into();
        let mut fixture = Fixture::with(&file);
        fixture.set("AWS_REGION", region);
        fixture.set("AWS_ACCESS_KEY_ID", "AKIAVARIABLE");
        fixture.set("AWS_SECRET_ACCESS_KEY", "CANARY-secret");
        let words = fixture.fails(Class::Config);
        assert!(words.contains("`regional_cred_verification_url` is not GetCallerIdentity of AWS STS"), "{words}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_machine_of_aws_is_asked_with_its_session_token() {
    let role = json!({ "AccessKeyId": "ASIAROLE", "SecretAccessKey": "CANARY-secret", "Token": "the-token" });
    let server = Server::start(vec![
        Reply::text("CANARY-session"),
        Reply::text("us-east-2b"),
        Reply::text("the-role"),
        Reply::text(&role.to_string()),
        Reply::token("one"),
    ]);
    assert_eq!(Fixture::with(&aws(&server)).token(), "one");
    let seen = server.seen();
    assert!(
        seen[0].line.starts_with("PUT /session ") && seen[0].header("x-aws-ec2-metadata-token-ttl-seconds").is_some()
    );
    for (seen, path) in seen[1..4].iter().zip(["/zone", "/roles", "/roles/the-role"]) {
        assert!(seen.line.starts_with(&format!("GET {path} ")), "{seen:?}");
        assert_eq!(seen.header("x-aws-ec2-metadata-token"), Some("CANARY-session"));
    }
    let (_, header) = request(&seen[4].field("subject_token").unwrap());
    assert_eq!(header("host").as_deref(), Some("sts.us-east-2.amazonaws.com"));
    assert_eq!(header("x-amz-security-token").as_deref(), Some("the-token"));
}
