//! Grants for machines, at a server that refuses what its specification does not allow.

use std::thread;
use std::time::Duration;

use claude_credential_tests::oauth::{
    CertificateAuthority, Claims, Fault, Federation, Fixture, Machines, PROVIDER, Proxy, ReceivedRequest, Signer, now,
};
use claude_credential_tests::{Answer, Output};

#[test]
fn client_credentials_are_sent_as_the_provider_asks_and_their_token_is_kept_until_it_is_due() {
    for (authentication, by_file) in [("", true), ("client_authentication = \"post\"\n", false)] {
        let (mut fixture, _signer, machines) = fixture();
        let secret = fixture.sandbox.secret("client");
        let source = if by_file {
            fixture.sandbox.write("secret", format!("{secret}\n"));
            "client_secret_file = \"~/secret\""
        } else {
            fixture.sandbox.set("MACHINE_SECRET", &secret);
            "client_secret_variable = \"MACHINE_SECRET\""
        };
        fixture.provider(&format!(
            "flow = \"client-credentials\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\nclient_id = \"machine\"\n\
             scopes = [\"inference\", \"batch\"]\naudience = \"https://gateway.example\"\n{authentication}{source}",
            machines.url("/client")
        ));
        gives_until_due(&fixture, &machines, "/client");
    }
}

#[test]
fn the_answer_of_a_run_that_stores_a_token_is_kept() {
    let (fixture, _signer, machines) = fixture();
    fixture.sandbox.write("secret", fixture.sandbox.secret("client"));
    fixture.provider(&format!(
        "default = true\nflow = \"client-credentials\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\nclient_id = \
         \"machine\"\nscopes = [\"inference\", \"batch\"]\naudience = \"https://gateway.example\"\n\
         client_secret_file = \"~/secret\"",
        machines.url("/client")
    ));
    fixture.sandbox.print().args(["--chain", "login"]).run().succeeds();
    let list = fixture.sandbox.dispatcher(&["cache", "list"]).run();
    assert!(list.succeeds().stdout.contains("entry login"), "{list:#?}");
}

#[test]
fn client_credentials_that_are_wrong_are_the_configuration_s_fault() {
    let (fixture, _signer, machines) = fixture();
    fixture.sandbox.write("secret", fixture.sandbox.secret("another"));
    fixture.provider(&format!(
        "flow = \"client-credentials\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\nclient_id = \"machine\"\n\
         scopes = [\"inference\", \"batch\"]\naudience = \"https://gateway.example\"\n\
         client_secret_file = \"~/secret\"",
        machines.url("/client")
    ));
    assert!(fixture.print().run().fails(78).contains(PROVIDER));
    assert!(machines.log().iter().all(|said| said == "/client client"), "{:?}", machines.log());
}

#[test]
fn a_jwt_is_exchanged_and_read_anew_each_time() {
    let (fixture, signer, machines) = fixture();
    let claims = signer.claims(&machines.url("/assertion"));
    fixture.sandbox.write("jwt", signer.sign(&claims));
    fixture.provider(&format!(
        "flow = \"jwt-bearer\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\nassertion_file = \"~/jwt\"",
        machines.url("/assertion")
    ));
    gives_until_due(&fixture, &machines, "/assertion");
    // What is in the file is not what it was.
    fixture.sandbox.write("jwt", signer.sign(&claims.with("sub", "job-2")));
    let latest = latest(&fixture);
    assert!(matches!(fixture.get_after_refusal(&latest).run().code(), Some(0)));
    let bodies: Vec<String> = machines.asked().iter().map(|asked| asked.form()["assertion"].clone()).collect();
    assert_ne!(bodies.first(), bodies.last());
    assert!(!fixture.sandbox.files_with_secrets().is_empty(), "the token is kept");
}

#[test]
fn a_token_is_exchanged() {
    let (mut fixture, signer, machines) = fixture();
    let jwt = signer.sign(&signer.claims("inference"));
    fixture.sandbox.set("SUBJECT", &jwt);
    let lines = format!(
        "flow = \"token-exchange\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\naudience = \"inference\"\n\
         subject_token_type = \"urn:ietf:params:oauth:token-type:jwt\"\n",
        machines.url("/exchange")
    );
    fixture.provider(&format!("{lines}assertion_variable = \"SUBJECT\""));
    gives_until_due(&fixture, &machines, "/exchange");
    fixture.sandbox.unset("SUBJECT");
    fixture.sandbox.write("jwt", &jwt);
    fixture.provider(&format!("{lines}assertion_command = [\"/bin/sh\", \"-c\", \"cat $HOME/jwt\"]"));
    let latest = latest(&fixture);
    fixture.get_after_refusal(&latest).run().exits(0);
    assert!(machines.log().iter().all(|said| said == "/exchange given"), "{:?}", machines.log());
    no_jwt(&fixture, &jwt);
}

#[test]
fn what_cannot_be_had_to_exchange_is_said_and_nobody_is_asked() {
    let (mut fixture, _signer, machines) = fixture();
    let lines =
        format!("flow = \"jwt-bearer\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\n", machines.url("/assertion"));
    fixture.sandbox.set("EMPTY", "");
    fixture.sandbox.write("empty", "");
    fixture.sandbox.write("two", "one\ntwo\n");
    for (source, words) in [
        ("assertion_file = \"/nowhere/at/all\"", "/nowhere/at/all"),
        ("assertion_file = \"~/empty\"", "empty"),
        ("assertion_file = \"~/two\"", "two"),
        ("assertion_variable = \"NOT_SET\"", "NOT_SET"),
        ("assertion_variable = \"EMPTY\"", "EMPTY"),
        ("assertion_command = [\"/bin/sh\", \"-c\", \"echo no; exit 3\"]", "3"),
        ("assertion_command = [\"/bin/true\"]", PROVIDER),
        ("assertion_command = [\"/nowhere/at/all\"]", "can't be started"),
    ] {
        fixture.provider(&format!("{lines}{source}"));
        let print = fixture.print().run();
        assert_ne!(print.code(), Some(0), "{source}: {print:#?}");
        assert_eq!(print.stdout, "");
        assert!(print.error_line().contains(words), "{source}: {print:#?}");
    }
    assert!(machines.asked().is_empty(), "{:?}", machines.log());
}

#[test]
fn federation_exchanges_as_documented() {
    for with_file in [true, false] {
        let (mut fixture, signer, machines) = fixture();
        let jwt = signer.sign(&signer.claims(Federation::AUDIENCE));
        identify(&mut fixture, &jwt, with_file);
        fixture.provider(&format!(
            "flow = \"federation\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\nfederation_rule_id = \"{}\"\n\
             organization_id = \"{}\"\nservice_account_id = \"{}\"\nworkspace_id = \"wrkspc_made_up\"",
            machines.url("/v1/oauth/token"),
            Federation::RULE,
            Federation::ORGANIZATION,
            Federation::SERVICE_ACCOUNT,
        ));
        gives_until_due(&fixture, &machines, "/v1/oauth/token");
        no_jwt(&fixture, &jwt);
        let headers = fixture.print().args(["--format", "headers-json"]).run();
        assert!(headers.exits(0).stdout.contains("oauth-2025-04-20"), "a token of Anthropic's needs its header");
    }
}

#[test]
fn a_federated_token_lives_as_long_as_the_answer_says() {
    let (mut fixture, signer, machines) = fixture();
    let claims = signer.claims(Federation::AUDIENCE).with("exp", now() + 100);
    identify(&mut fixture, &signer.sign(&claims), true);
    federate(&fixture, &machines);
    let answer = Answer::parse(&fixture.get(&[]).run().succeeds().stdout);
    let until: u64 = answer.get("password_expiry_utc").expect("an expiry").parse().expect("a number");
    // Twice what the JWT has left.
    assert!((now() + 190..=now() + 200).contains(&until), "{until} at {}", now());
}

#[test]
fn a_federation_file_is_read_at_every_use() {
    let (mut fixture, signer, machines) = fixture();
    let claims = signer.claims(Federation::AUDIENCE);
    identify(&mut fixture, &signer.sign(&claims), true);
    federate(&fixture, &machines);
    assert_eq!(fixture.print().run().key(), "machine-1");
    fixture.sandbox.write("identity", signer.sign(&claims.with("sub", "job-2")));
    fixture.get_after_refusal("machine-1").run().exits(0);
    let sent: Vec<serde_json::Value> = machines.asked().iter().filter_map(ReceivedRequest::json).collect();
    assert_ne!(sent[0]["assertion"], sent[1]["assertion"]);
}

/// Makes a JWT that misses a limit.
type Misses = Box<dyn Fn(&Signer, Claims) -> String>;

#[test]
fn a_jwt_that_the_server_would_refuse_is_not_sent_and_the_limit_is_named() {
    let claims = |change: fn(Claims) -> Claims| -> Misses {
        Box::new(move |signer: &Signer, claims| signer.sign(&change(claims)))
    };
    let limits: Vec<(&str, Misses)> = vec![
        ("16", claims(|claims| claims.with("padding", "x".repeat(17_000)))),
        ("kid", claims(|claims| claims.header("kid", serde_json::Value::Null))),
        ("alg", claims(|claims| claims.header("alg", "HS256"))),
        ("alg", claims(|claims| claims.header("alg", "none"))),
        ("iat", claims(|claims| claims.without("iat"))),
        ("exp", claims(|claims| claims.without("exp"))),
        ("exp", claims(|claims| claims.with("exp", now() - 60))),
        ("iat", claims(|claims| claims.with("iat", now() + 3600))),
        ("aud", claims(|claims| claims.without("aud"))),
        ("JWT", Box::new(|_, _| "not-a-jwt".to_owned())),
        ("JWT", Box::new(|_, _| "a.b.c".to_owned())),
        ("", Box::new(|_, _| String::new())),
    ];
    let (mut fixture, signer, machines) = fixture();
    federate(&fixture, &machines);
    let mut wrong = Vec::new();
    for (words, jwt) in limits {
        let jwt = jwt(&signer, signer.claims(Federation::AUDIENCE));
        identify(&mut fixture, &jwt, true);
        let print = fixture.print().run();
        let one_line = print.stderr.lines().count() == 1;
        let failed = matches!(print.code(), Some(77 | 78)) && print.stdout.is_empty() && one_line;
        if !failed || !print.stderr.contains(words) || (jwt.len() > 20 && print.stderr.contains(&jwt[..20])) {
            wrong.push(format!("{words}: {print:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(machines.asked().is_empty(), "{:?}", machines.log());
}

#[test]
fn what_only_the_server_knows_it_refuses_and_the_line_says_what_to_look_at() {
    let (mut fixture, signer, machines) = fixture();
    federate(&fixture, &machines);
    // Another issuer's key, under the same name.
    let stranger = Signer::new();
    identify(&mut fixture, &stranger.sign(&stranger.claims(Federation::AUDIENCE)), true);
    let print = fixture.print().run();
    assert!(matches!(print.code(), Some(77 | 78)), "{print:#?}");
    assert!(print.error_line().contains(PROVIDER), "{print:#?}");
    assert_eq!(machines.log(), ["/v1/oauth/token signature"]);
    identify(&mut fixture, &signer.sign(&signer.claims(Federation::AUDIENCE)), true);
    assert_eq!(fixture.print().run().key(), "machine-1");
}

#[test]
fn federation_needs_no_configuration_and_goes_through_the_proxy_to_anthropic_alone() {
    for (proxy_variable, authority_variable) in [("HTTPS_PROXY", "SSL_CERT_FILE"), ("https_proxy", "SSL_CERT_FILE")] {
        let (mut fixture, signer, machines) = fixture();
        let authority = CertificateAuthority::new();
        let trusted = fixture.sandbox.write("authority.pem", authority.pem());
        let proxy = Proxy::start(authority, machines.answers());
        identify(&mut fixture, &signer.sign(&signer.claims(Federation::AUDIENCE)), true);
        from_variables(&mut fixture);
        fixture.sandbox.set(proxy_variable, proxy.url());
        // Whom nobody has heard of is not believed.
        let distrusts = fixture.sandbox.print().args(["--chain", "login"]).run();
        assert_ne!(distrusts.code(), Some(0), "{distrusts:#?}");
        assert!(machines.log().is_empty(), "{:?}", machines.log());
        fixture.sandbox.set(authority_variable, &trusted);
        assert_eq!(fixture.sandbox.print().args(["--chain", "login"]).run().key(), "machine-1");
        assert_eq!(fixture.sandbox.print().args(["--chain", "login"]).run().key(), "machine-1");
        assert!(proxy.connected().iter().all(|target| target == "api.anthropic.com:443"), "{:?}", proxy.connected());
        assert_eq!(machines.log(), ["/v1/oauth/token given"]);
    }
}

#[test]
fn a_provider_s_own_proxy_and_authorities_are_used_for_it() {
    let (mut fixture, signer, machines) = fixture();
    let authority = CertificateAuthority::new();
    fixture.sandbox.write("authority.pem", authority.pem());
    let proxy = Proxy::start(authority, machines.answers());
    identify(&mut fixture, &signer.sign(&signer.claims(Federation::AUDIENCE)), true);
    // What the environment names leads nowhere.
    fixture.sandbox.set("HTTPS_PROXY", "http://127.0.0.1:1");
    let section = |lines: &str| {
        let ids = [
            ("federation_rule_id", Federation::RULE),
            ("organization_id", Federation::ORGANIZATION),
            ("service_account_id", Federation::SERVICE_ACCOUNT),
        ];
        let ids = ids.map(|(name, value)| format!("{name} = \"{value}\"\n")).concat();
        fixture.provider(&format!("flow = \"federation\"\nanthropic = false\n{ids}{lines}"));
    };
    section(&format!("proxy = \"{}\"", proxy.url()));
    let distrusts = fixture.print().run();
    assert!(distrusts.fails(75).contains("an authority that this machine does not know"), "{distrusts:#?}");
    section(&format!("proxy = \"{}\"\nca_file = \"~/authority.pem\"", proxy.url()));
    assert_eq!(fixture.print().run().key(), "machine-1");
    assert!(proxy.connected().iter().all(|target| target == "api.anthropic.com:443"), "{:?}", proxy.connected());
}

#[test]
fn github_s_token_is_asked_for_with_the_audience() {
    let (mut fixture, signer, machines) = fixture();
    let jwt = signer.sign(&signer.claims(Federation::AUDIENCE));
    let bearer = format!("Bearer {}", fixture.sandbox.secret("actions"));
    let (answer, expected) = (jwt.clone(), bearer.clone());
    let actions = claude_credential_tests::oauth::Server::start(move |asked| {
        use claude_credential_tests::oauth::Reply;
        let right = asked.header("authorization") == Some(&expected)
            && asked.query.get("audience").map(String::as_str) == Some(Federation::AUDIENCE)
            && asked.query.get("api-version").map(String::as_str) == Some("2.0");
        if right { Reply::json(200, &serde_json::json!({ "value": answer })) } else { Reply::page(401, "no") }
    });
    fixture.sandbox.set("ACTIONS_ID_TOKEN_REQUEST_URL", actions.url("/token?api-version=2.0"));
    fixture.sandbox.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", fixture.sandbox.secret("actions"));
    federate(&fixture, &machines);
    assert_eq!(fixture.print().run().key(), "machine-1", "{:?}", actions.asked());
}

#[test]
fn a_federated_token_that_still_lives_is_handed_out_when_no_other_can_be_had() {
    let (mut fixture, signer, machines) = fixture();
    identify(&mut fixture, &signer.sign(&signer.claims(Federation::AUDIENCE)), true);
    federate(&fixture, &machines);
    machines.tokens_live(30);
    assert_eq!(fixture.token(), "machine-1");
    machines.fails(Fault::Page(503));
    thread::sleep(Duration::from_secs(18));
    let output = fixture.get(&[]).run();
    output.exits(0);
    let expected = fixture.sandbox.secret("machine-1");
    assert!(Answer::parse(&output.stdout).get("credential") == Some(&expected), "{:?}", output.stderr);
}

fn fixture() -> (Fixture, Signer, Machines) {
    let fixture = Fixture::new();
    let signer = Signer::new();
    let machines = Machines::start(&fixture.sandbox, &signer);
    (fixture, signer, machines)
}

/// Gives it an identity.
fn identify(fixture: &mut Fixture, jwt: &str, with_file: bool) {
    let file = fixture.sandbox.write("identity", jwt);
    if with_file {
        fixture.sandbox.set("ANTHROPIC_IDENTITY_TOKEN_FILE", file);
    } else {
        fixture.sandbox.set("ANTHROPIC_IDENTITY_TOKEN", jwt);
    }
}

/// Configures federation.
fn federate(fixture: &Fixture, machines: &Machines) {
    fixture.provider(&format!(
        "flow = \"federation\"\nstore = \"file\"\ntoken_endpoint = \"{}\"\nfederation_rule_id = \"{}\"\n\
         organization_id = \"{}\"\nservice_account_id = \"{}\"",
        machines.url("/v1/oauth/token"),
        Federation::RULE,
        Federation::ORGANIZATION,
        Federation::SERVICE_ACCOUNT,
    ));
}

fn from_variables(fixture: &mut Fixture) {
    fixture.sandbox.set("ANTHROPIC_FEDERATION_RULE_ID", Federation::RULE);
    fixture.sandbox.set("ANTHROPIC_ORGANIZATION_ID", Federation::ORGANIZATION);
    fixture.sandbox.set("ANTHROPIC_SERVICE_ACCOUNT_ID", Federation::SERVICE_ACCOUNT);
}

/// One token for all who ask until it is due; then another.
fn gives_until_due(fixture: &Fixture, machines: &Machines, path: &str) {
    machines.tokens_live(8);
    for _ in 0..3 {
        assert_eq!(fixture.token(), "machine-1", "{:?}", machines.log());
        assert_eq!(fixture.print().run().key(), "machine-1");
    }
    thread::sleep(Duration::from_millis(5500));
    machines.tokens_live(3600);
    let outputs: Vec<Output> = thread::scope(|scope| {
        let running = (0..10).map(|_| scope.spawn(|| fixture.print().run())).collect::<Vec<_>>();
        running.into_iter().map(|one| one.join().expect("a thread")).collect()
    });
    assert!(outputs.iter().all(|output| output.key() == "machine-2"));
    assert_eq!(fixture.token(), "machine-2");
    assert_eq!(machines.log(), vec![format!("{path} given"); 2]);
}

/// The token that is in hand.
fn latest(fixture: &Fixture) -> String {
    fixture.token()
}

/// The JWT is in no file of the product.
fn no_jwt(fixture: &Fixture, jwt: &str) {
    let files = [fixture.sandbox.runtime_files(), fixture.sandbox.files_with_secrets()].concat();
    for file in files {
        let text = std::fs::read(&file).unwrap_or_default();
        assert!(!text.windows(jwt.len()).any(|window| window == jwt.as_bytes()), "{} has the JWT", file.display());
    }
}
