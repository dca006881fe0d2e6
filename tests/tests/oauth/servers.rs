//! The servers of the tests are as strict as they say.

use claude_credential_tests::oauth::{
    Authority, Browser, CertificateAuthority, Claims, Fault, Federation, Machines, Proxy, Signer, fetch, now,
    parameters, post, send,
};
use claude_credential_tests::{Sandbox, tool};
use serde_json::{Value, json};

#[test]
fn a_refresh_token_that_comes_twice_ends_its_grant() {
    let sandbox = Sandbox::with_executables(&[]);
    let authority = Authority::start(&sandbox);
    let grant = authority.grants();
    let refresh = |number: usize| {
        let token = sandbox.secret(&format!("refresh-{grant}-{number}"));
        let fields = [("grant_type", "refresh_token"), ("client_id", "acme-cli"), ("refresh_token", &token)];
        post(&authority.server().url("/token"), &fields)
    };
    assert_eq!(refresh(1).status, 200);
    assert_eq!(refresh(2).status, 200);
    assert_eq!(refresh(1).status, 400);
    assert_eq!(refresh(3).status, 400);
    assert_eq!(authority.log(), ["refresh 1-1", "refresh 1-2", "reuse 1-1", "dead 1-3"]);
    assert!(!authority.is_alive(grant));
}

#[test]
fn a_code_is_good_once_and_for_who_began() {
    let sandbox = Sandbox::with_executables(&[]);
    let authority = Authority::start(&sandbox);
    // RFC 7636, appendix B.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let redirect = "http://127.0.0.1:1/callback";
    let url = |method: &str| {
        let rest = format!("state=0123456789abcdef&code_challenge={challenge}&code_challenge_method={method}");
        format!("{}/authorize?client_id=acme-cli&response_type=code&redirect_uri={redirect}&{rest}", authority.issuer())
    };
    assert_eq!(fetch(&url("plain"), &[]).status, 400);
    let code = || {
        let back = Browser::default().sign_in(&url("S256"));
        parameters(back.split_once('?').expect("a query").1)["code"].clone()
    };
    let redeem = |code: &str, verifier: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "acme-cli"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        post(&authority.server().url("/token"), &fields).status
    };
    let first = code();
    assert_eq!((redeem(&first, verifier), redeem(&first, verifier)), (200, 400));
    assert_eq!(redeem(&code(), &verifier.replace('d', "e")), 400);
}

#[test]
fn machines_have_to_keep_to_what_is_written() {
    let sandbox = Sandbox::with_executables(&[]);
    let signer = Signer::new();
    let machines = Machines::start(&sandbox, &signer);
    let here = machines.url("/assertion");
    let bearer = |claims: &Claims, signer: &Signer| {
        let jwt = signer.sign(claims);
        let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", jwt.as_str())];
        post(&here, &fields).status
    };
    let good = signer.claims(&here);
    assert_eq!(bearer(&good, &signer), 200);
    for bad in [
        good.clone().with("exp", now() - 1),
        good.clone().with("aud", "another"),
        good.clone().without("iat"),
        good.clone().header("kid", "another"),
        good.clone().header("alg", "none"),
        good.clone().with("padding", "x".repeat(17_000)),
    ] {
        assert_eq!(bearer(&bad, &signer), 400, "{bad:?}");
    }
    assert_eq!(bearer(&good, &Signer::new()), 400);
}

#[test]
fn federation_refuses_everything_alike() {
    let sandbox = Sandbox::with_executables(&[]);
    let signer = Signer::new();
    let machines = Machines::start(&sandbox, &signer);
    let ask = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": signer.sign(&signer.claims(Federation::AUDIENCE)),
            "federation_rule_id": Federation::RULE,
            "organization_id": Federation::ORGANIZATION,
            "service_account_id": Federation::SERVICE_ACCOUNT,
        });
        change(&mut body);
        send("POST", &machines.url("/v1/oauth/token"), &[("Content-Type", "application/json")], &body.to_string())
    };
    assert_eq!(ask(&|_| {}).status, 200);
    let mut refusals: Vec<String> = ["grant_type", "assertion", "federation_rule_id", "organization_id"]
        .map(|name| ask(&|body| body[name] = json!("another")))
        .into_iter()
        .map(|page| format!("{} {}", page.status, page.text))
        .collect();
    refusals.dedup();
    assert!(refusals.len() == 1 && refusals[0].starts_with("401 "), "{refusals:?}");
    let short = signer.sign(&signer.claims(Federation::AUDIENCE).with("exp", now() + 100));
    let answer: Value = serde_json::from_str(&ask(&|body| body["assertion"] = json!(short)).text).expect("JSON");
    assert!(answer["expires_in"].as_u64().is_some_and(|life| (190..=200).contains(&life)), "{answer}");
}

#[test]
fn the_proxy_leads_to_us_under_the_name_that_was_asked_for() {
    let Some(curl) = tool("curl") else { return claude_credential_tests::skip("the proxy by curl", "no curl") };
    let sandbox = Sandbox::with_executables(&[]);
    let machines = Machines::start(&sandbox, &Signer::new());
    let authority = CertificateAuthority::new();
    let trusted = sandbox.write("authority.pem", authority.pem());
    let proxy = Proxy::start(authority, machines.answers());
    let url = "https://api.anthropic.com/v1/oauth/token";
    let (proxy_url, trusted) = (proxy.url(), trusted.display().to_string());
    let call = sandbox.call(curl, &["-sS", "-x", &proxy_url, "--cacert", &trusted, "-d", "{}", url]).run();
    assert!(call.succeeds().stdout.contains("authentication_error"), "{call:#?}");
    assert_eq!(proxy.connected(), ["api.anthropic.com:443"]);
}

#[test]
fn faults_come_as_often_as_they_were_asked_for() {
    let sandbox = Sandbox::with_executables(&[]);
    let authority = Authority::start(&sandbox);
    let status = || fetch(&authority.server().url("/.well-known/openid-configuration"), &[]).status;
    authority.fails("/.well-known", Fault::Page(503), 2);
    assert_eq!([status(), status(), status()], [503, 503, 200]);
    authority.fails("/.well-known", Fault::TooMany(7), usize::MAX);
    assert_eq!(status(), 429);
    authority.recovers();
    assert_eq!(status(), 200);
}
