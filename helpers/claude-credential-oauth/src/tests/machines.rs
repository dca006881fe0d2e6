//! The flows without a person.

use claude_credential_config::Environment;
use claude_credential_protocol::{Class, Request, now};

use super::server::{Reply, Server};
use super::{Fixture, anthropic, value};
use crate::assertion::jwt::tests::{HEADER, jwt};

fn identity(left: i64) -> String {
    let exp = (now() / 1000).saturating_add_signed(left);
    jwt(
        HEADER,
        &format!(r#"{{"iss":"https://ci.example","sub":"job","aud":"a","iat":{},"exp":{exp}}}"#, now() / 1000 - 5),
    )
}

/// Names and values.
type Variables<'a> = &'a [(&'a str, &'a str)];

const IDS: [(&str, &str); 3] = [
    ("ANTHROPIC_FEDERATION_RULE_ID", "fdrl_1"),
    ("ANTHROPIC_ORGANIZATION_ID", "org"),
    ("ANTHROPIC_SERVICE_ACCOUNT_ID", "svac_1"),
];

#[test]
fn each_grant_is_asked_for_in_its_own_words_and_its_token_kept_until_it_is_due() {
    const JWT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
    for (section, fields) in [
        (
            "flow = \"client-credentials\"\nclient_id = \"c\"\nclient_secret_variable = \"V\"\nscopes = [\"a\", \"b\"]",
            vec![("grant_type", "client_credentials"), ("scope", "a b")],
        ),
        (
            "flow = \"jwt-bearer\"\nassertion_variable = \"V\"\naudience = \"x\"",
            vec![("grant_type", JWT), ("assertion", "CANARY-variable"), ("audience", "x")],
        ),
        (
            "flow = \"token-exchange\"\nassertion_command = [\"/bin/echo\", \"CANARY-printed\"]\n\
             parameters = { requested_token_type = \"t\" }",
            vec![
                ("grant_type", EXCHANGE),
                ("subject_token", "CANARY-printed"),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
                ("requested_token_type", "t"),
            ],
        ),
    ] {
        let server = Server::start(vec![Reply::tokens(1, 3600)]);
        let section = format!("token_endpoint = \"{}/token\"\n{section}", server.url);
        let fixture = Fixture::with_provider(&section, &[("V", "CANARY-variable")]);
        for _ in 0..2 {
            let answer = fixture.get(&anthropic()).unwrap();
            assert_eq!(value(&answer, "credential"), Some("CANARY-access-1"));
            assert_eq!(value(&answer, "oauth_refresh_token"), None);
        }
        let seen = server.seen();
        assert_eq!(seen.len(), 1);
        for (name, expected) in fields {
            assert_eq!(seen[0].field(name).as_deref(), Some(expected), "{name}");
        }
        let has_secret = seen[0].headers.contains("Basic YzpDQU5BUlktdmFyaWFibGU=");
        assert_eq!(has_secret, section.contains("client_secret_variable"), "{}", seen[0].headers);
    }
}

#[test]
fn another_scope_is_another_token() {
    let server = Server::start(vec![Reply::tokens(1, 3600), Reply::tokens(2, 3600)]);
    let section = |scope: &str| {
        format!(
            "token_endpoint = \"{}/token\"\nflow = \"jwt-bearer\"\nassertion_variable = \"V\"\nscopes = [\"{scope}\"]",
            server.url
        )
    };
    let fixture = Fixture::with_provider(&section("a"), &[("V", "CANARY")]);
    assert_eq!(value(&fixture.get(&anthropic()).unwrap(), "credential"), Some("CANARY-access-1"));
    fixture.configure(&format!("[provider.acme]\n{}", section("b")));
    assert_eq!(value(&fixture.get(&anthropic()).unwrap(), "credential"), Some("CANARY-access-2"));
}

#[test]
fn a_lifetime_counts_from_the_attempt_that_was_answered() {
    let slow = Reply::With(503, "Retry-After: 3\r\n", String::new());
    let server = Server::start(vec![slow, Reply::tokens(1, 100)]);
    let section = format!("token_endpoint = \"{}/t\"\nflow = \"jwt-bearer\"\nassertion_variable = \"V\"", server.url);
    let began = now() / 1000;
    let answer = Fixture::with_provider(&section, &[("V", "CANARY")]).get(&anthropic()).unwrap();
    let end: u64 = value(&answer, "password_expiry_utc").unwrap().parse().unwrap();
    assert!(end >= began + 103, "{}", end - began);
}

#[test]
fn anothers_token_to_exchange_is_anothers_token() {
    let person =
        |name: &str, exp: u64| jwt(HEADER, &format!(r#"{{"iss":"i","sub":"{name}","aud":"a","iat":1,"exp":{exp}}}"#));
    for section in [
        "flow = \"jwt-bearer\"\nassertion_variable = \"JOB_JWT\"",
        "flow = \"token-exchange\"\nassertion_file = \"FILE\"",
        "flow = \"token-exchange\"\nassertion_command = [\"/bin/cat\", \"FILE\"]",
        "flow = \"federation\"",
    ] {
        let server = Server::start(vec![Reply::tokens(1, 3600), Reply::tokens(2, 3600)]);
        let mut fixture = Fixture::with_provider("flow = \"federation\"", &[]);
        let home = fixture.home.path().to_str().unwrap().to_owned();
        let file = format!("{home}/jwt");
        let section = section.replace("FILE", &file);
        fixture.configure(&format!("[provider.acme]\ntoken_endpoint = \"{}/token\"\n{section}", server.url));
        let mut get = |token: String| {
            std::fs::write(&file, &token).unwrap();
            let variables = [("HOME", home.as_str()), ("JOB_JWT", &token), ("ANTHROPIC_IDENTITY_TOKEN", &token)];
            fixture.helper.suite.environment = Environment::from_pairs(variables.into_iter().chain(IDS));
            value(&fixture.get(&anthropic()).unwrap(), "credential").unwrap().to_owned()
        };
        let later = now() / 1000 + 300;
        let given =
            [("alice", 0), ("alice", 9), ("bob", 0), ("bob", 9)].map(|(name, more)| get(person(name, later + more)));
        assert_eq!(given, [1, 1, 2, 2].map(|number| format!("CANARY-access-{number}")), "{section}");
    }
}

#[test]
fn a_job_of_githubs_is_told_by_its_variables_and_no_server_is_asked_for_that() {
    let replies = || {
        [
            Reply::json(&serde_json::json!({ "value": identity(300) })),
            Reply::json(&serde_json::json!({"access_token": "CANARY-oat", "expires_in": 3600})),
        ]
    };
    let server = Server::start(replies().into_iter().chain(replies()).collect());
    let url = format!("{}/mint?x=y", server.url);
    let mut fixture =
        Fixture::with_provider(&format!("flow = \"federation\"\ntoken_endpoint = \"{}/token\"", server.url), &[]);
    let home = fixture.home.path().to_str().unwrap().to_owned();
    for (repository, asked) in [("a/a", 2), ("a/a", 2), ("b/b", 4)] {
        let variables = [
            ("HOME", home.as_str()),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CANARY-job"),
            ("GITHUB_REPOSITORY", repository),
        ];
        fixture.helper.suite.environment = Environment::from_pairs(variables.into_iter().chain(IDS));
        fixture.get(&anthropic()).unwrap();
        assert_eq!(server.seen().len(), asked, "{repository}");
    }
}

#[test]
fn federation_is_asked_for_as_anthropic_documents_it() {
    let server =
        Server::start(vec![Reply::json(&serde_json::json!({"access_token": "CANARY-oat", "expires_in": 600}))]);
    let section = format!("flow = \"federation\"\ntoken_endpoint = \"{}/token\"\nworkspace_id = \"w\"", server.url);
    let token = identity(300);
    let variables = [&IDS[..], &[("ANTHROPIC_IDENTITY_TOKEN", token.as_str())]].concat();
    let answer = Fixture::with_provider(&section, &variables).get(&anthropic()).unwrap();
    assert_eq!(value(&answer, "credential"), Some("CANARY-oat"));
    assert_eq!(value(&answer, "claude.header[]"), Some("anthropic-beta: oauth-2025-04-20"));
    let sent: serde_json::Value = serde_json::from_str(&server.seen()[0].body).unwrap();
    let expected = serde_json::json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": token, "federation_rule_id": "fdrl_1",
        "organization_id": "org", "service_account_id": "svac_1", "workspace_id": "w",
    });
    assert_eq!(sent, expected);
}

#[test]
fn githubs_token_is_asked_for_with_an_audience() {
    let server = Server::start(vec![
        Reply::json(&serde_json::json!({ "value": identity(300) })),
        Reply::json(&serde_json::json!({"access_token": "CANARY-oat", "expires_in": 600})),
    ]);
    let url = format!("{}/mint?api-version=2", server.url);
    let section = format!("flow = \"federation\"\ntoken_endpoint = \"{}/token\"\naudience = \"a\"", server.url);
    let github = [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "CANARY-job")];
    let fixture = Fixture::with_provider(&section, &[&IDS[..], &github].concat());
    assert_eq!(value(&fixture.get(&anthropic()).unwrap(), "credential"), Some("CANARY-oat"));
    let mint = &server.seen()[0];
    assert!(mint.line.starts_with("GET /mint?api-version=2&audience=a "), "{}", mint.line);
    assert!(mint.headers.contains("authorization: Bearer CANARY-job"), "{}", mint.headers);
}

#[test]
fn what_federation_lacks_or_what_the_server_would_refuse_is_named_and_not_sent() {
    let old = identity(-300);
    let opaque = Server::start(vec![Reply::Json(401, "CANARY".to_owned())]);
    let good = identity(300);
    let cases: [(Variables, Variables, &str); 5] = [
        (&IDS[..1], &[("ANTHROPIC_IDENTITY_TOKEN", &good)], "ANTHROPIC_ORGANIZATION_ID"),
        (&IDS, &[], "ANTHROPIC_IDENTITY_TOKEN_FILE"),
        (&IDS, &[("ANTHROPIC_IDENTITY_TOKEN", &old)], "expired"),
        (&IDS, &[("ANTHROPIC_IDENTITY_TOKEN_FILE", "/nowhere/CANARY")], "does not exist"),
        (&IDS, &[("ANTHROPIC_IDENTITY_TOKEN", &good)], "iss https://ci.example, sub job, aud a"),
    ];
    for (number, (ids, token, says)) in cases.into_iter().enumerate() {
        let section = format!("flow = \"federation\"\ntoken_endpoint = \"{}/token\"", opaque.url);
        let error = Fixture::with_provider(&section, &[ids, token].concat()).get(&anthropic()).unwrap_err();
        assert_eq!(error.class(), Class::Config, "{error}");
        let words = error.to_string();
        assert!(words.contains(says) && (!words.contains("CANARY") || words.contains("/nowhere/")), "{words}");
        assert_eq!(opaque.seen().len(), usize::from(number == 4), "{words}");
    }
}

#[test]
fn federation_by_variables_alone_is_for_anthropics_own_host() {
    let fixture = Fixture::new(&["--source", "login"], &IDS);
    let error = fixture.get(&anthropic()).unwrap_err();
    assert!(error.to_string().starts_with("ANTHROPIC_FEDERATION_RULE_ID: "), "{error}");
    assert!(!fixture.get(&Request::new("https", "gateway.example")).unwrap().contains("credential="));
}

#[test]
fn a_secret_that_is_refused_in_the_header_is_sent_once_among_the_parameters() {
    let section = |server: &Server, more: &str| {
        let lines = "flow = \"client-credentials\"\nclient_id = \"c\"\nclient_secret_variable = \"V\"";
        Fixture::with_provider(&format!("issuer = \"{}\"\n{lines}\n{more}", server.url), &[("V", "CANARY-secret")])
    };
    let server = Server::start(vec![Reply::error(401, "invalid_client"), Reply::tokens(1, 3600)]);
    let answer = section(&server, "").get(&anthropic()).unwrap();
    assert_eq!(value(&answer, "credential"), Some("CANARY-access-1"));
    let seen = server.seen();
    assert!(seen[0].headers.contains("uthorization: Basic") && seen[0].field("client_secret").is_none());
    assert!(!seen[1].headers.contains("uthorization"));
    assert_eq!(seen[1].field("client_secret").as_deref(), Some("CANARY-secret"));

    for (more, requests) in [("", 2), ("client_authentication = \"basic\"", 1)] {
        let server = Server::start((0..3).map(|_| Reply::error(401, "invalid_client")).collect());
        let error = section(&server, more).get(&anthropic()).unwrap_err();
        assert!(error.class() == Class::Config && error.to_string().contains("`client_authentication`"), "{error}");
        assert_eq!(server.seen().len(), requests);
    }
}
