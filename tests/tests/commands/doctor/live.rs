use std::fs;

use claude_credential_tests::Sandbox;
use claude_credential_tests::oauth::{CertificateAuthority, Proxy, ReceivedRequest, Reply, Server};
use serde_json::{Value, json};

use super::{CHECKS, Report, assert_valid, healthy};

const LIVE: [&str; 5] = ["reach", "refusal", "headers", "redirect", "server-clock"];

#[test]
fn a_gateway_that_refuses_a_made_up_key_properly_is_good() {
    for status in [401, 403] {
        let (sandbox, server) = gateway(move |_| refused(status));
        let report = live(&sandbox);
        assert_eq!(report.names(), [&CHECKS[..], &LIVE].concat());
        report.is_good(&LIVE);
        let asked = server.asked();
        // Both headers, and each alone; never anybody's key.
        let headers =
            |asked: &ReceivedRequest| [asked.header("x-api-key").is_some(), asked.header("authorization").is_some()];
        assert_eq!(asked.iter().map(headers).collect::<Vec<_>>(), [[true, true], [true, false], [false, true]]);
        assert!(
            asked.iter().all(|asked| (asked.method.as_str(), asked.path.as_str()) == ("POST", "/base/v1/messages"))
        );
        let bearer = asked[0].header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        assert!(bearer.is_some_and(|key| key.starts_with("sk-ant-") && asked[0].header("x-api-key") == Some(key)));
        assert!(asked[0].json().is_some_and(|body| body["messages"] == json!([])));
    }
}

#[test]
fn without_live_nobody_is_asked() {
    let (sandbox, server) = gateway(|_| refused(401));
    assert_eq!(super::doctor(&sandbox).names(), CHECKS);
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_refusal_on_which_claude_code_gets_no_other_key_is_wrong() {
    for status in [400, 404, 407, 422] {
        let (sandbox, _server) = gateway(move |_| refused(status));
        let says = format!("answers {status} to a made-up key, and Claude Code gets no other key");
        live(&sandbox).is_wrong("refusal", &says, "have it answer 401");
    }
    let (sandbox, _server) = gateway(|_| refused(200));
    live(&sandbox).is_doubtful("refusal", "takes a made-up key", "check keys");
    for status in [429, 503, 529] {
        let (sandbox, _server) = gateway(move |_| refused(status));
        live(&sandbox).is_doubtful("refusal", &format!("answers {status} just now"), "later");
    }
}

#[test]
fn a_gateway_that_does_not_take_both_headers_is_wrong() {
    for alone in ["x-api-key", "Authorization"] {
        let (sandbox, _server) = gateway(move |asked| {
            let has = |name: &str| asked.header(name).is_some();
            refused(if has("x-api-key") && has("authorization") {
                400
            } else if has(alone) {
                401
            } else {
                400
            })
        });
        let report = live(&sandbox);
        report.is_wrong("headers", &format!("properly in {alone}"), "x-api-key and Authorization together");
    }
}

#[test]
fn a_redirect_is_wrong_and_not_followed() {
    let elsewhere = Server::start(|_| refused(401));
    let to = elsewhere.url("/CANARY?key=CANARY");
    let (sandbox, _server) = gateway(move |_| Reply::to(&to));
    let report = live(&sandbox);
    let says = format!("answers 302, a redirect to {}, and", elsewhere.url(""));
    report.is_wrong("redirect", &says, "set ANTHROPIC_BASE_URL");
    assert!(!report.output.stdout.contains("CANARY") && elsewhere.asked().is_empty(), "{report:#?}");
    let (sandbox, _server) = gateway(|_| Reply::to("/login"));
    live(&sandbox).is_doubtful("redirect", "a redirect to http://127.0.0.1:", "set ANTHROPIC_BASE_URL");
}

#[test]
fn a_clock_that_is_off_is_seen() {
    for (seconds, word) in [(-3600, "ahead of"), (3600, "behind")] {
        let (sandbox, server) = gateway(|_| refused(401));
        server.is_ahead(seconds);
        live(&sandbox).is_wrong("server-clock", word, "timedatectl");
    }
    let (sandbox, server) = gateway(|_| refused(401));
    server.is_ahead(120);
    live(&sandbox).is_doubtful("server-clock", "behind", "timedatectl");
}

#[test]
fn who_can_t_be_reached_or_trusted_is_wrong() {
    let sandbox = healthy();
    sandbox.config("[profile.default]\nhosts = [\"http://127.0.0.1:1\", \"api.anthropic.com\"]\n");
    // Nothing beyond this machine is asked: the proxy is nobody, too.
    let call = sandbox.dispatcher(&["doctor", "--live", "--json"]).with("HTTPS_PROXY", "http://127.0.0.1:1");
    let report = Report::of(call);
    report.is_wrong("reach", "127.0.0.1:1 can't be reached", "look at the network");
    report.is_wrong("reach", "api.anthropic.com can't be reached", "HTTPS_PROXY");

    let mut sandbox = healthy();
    sandbox.config("[profile.default]\nhosts = [\"gateway.example\"]\n");
    sandbox.set("ANTHROPIC_BASE_URL", "https://gateway.example");
    let authority = CertificateAuthority::new();
    let ca = sandbox.write("ca.pem", authority.pem());
    let proxy = Proxy::start(authority, |_| refused(401));
    sandbox.set("HTTPS_PROXY", proxy.url());
    live(&sandbox).is_wrong("reach", "certificate", "export NODE_EXTRA_CA_CERTS=");
    sandbox.set("SSL_CERT_FILE", ca);
    live(&sandbox).is_good(&LIVE);
    assert_eq!(proxy.connected().last().map(String::as_str), Some("gateway.example:443"));
}

#[test]
fn without_the_executable_for_it_the_gateway_is_not_asked() {
    let (sandbox, server) = gateway(|_| refused(401));
    fs::remove_file(sandbox.bin("claude-credential-probe")).expect("it is there");
    let report = live(&sandbox);
    report.is_wrong("reach", "claude-credential-probe, which asks it, is not installed", "./install.sh");
    assert_eq!(report.names().last(), Some(&"reach"));
    assert_eq!(server.asked().len(), 0);
}

#[test]
fn a_secret_in_the_path_of_a_base_url_is_not_shown() {
    let (mut sandbox, server) = gateway(|_| refused(404));
    let secret = sandbox.secret("path");
    sandbox.set("ANTHROPIC_BASE_URL", server.url(&format!("/{secret}")));
    live(&sandbox).is_wrong("refusal", "answers 404", "401");
    assert_eq!(server.asked()[0].path, format!("/{secret}/v1/messages"));
}

#[test]
fn a_cloud_of_its_own_is_not_asked() {
    let mut sandbox = healthy();
    sandbox.set("CLAUDE_CODE_USE_BEDROCK", "1");
    let report = live(&sandbox);
    report.is_good(&["reach"]);
    assert_eq!(report.names().last(), Some(&"reach"));
}

#[test]
fn the_probe_says_what_its_schema_says() {
    let other = Server::start(|_| refused(401));
    let to = other.url("/");
    let (sandbox, server) = gateway(move |asked| match asked.header("x-api-key") {
        Some(_) => Reply::to(&to),
        None => Reply::Closes,
    });
    let probe = sandbox.dispatcher(&["probe", &server.url("")]).run();
    let seen: Value = serde_json::from_str(&probe.succeeds().stdout).expect("JSON");
    assert_valid(&seen, "probe");
    assert_eq!(seen["both"], json!({ "status": 302, "leads_to": other.url("") }));
    assert!(seen["authorization"]["problem"].is_string(), "{seen:#}");
    let nobody = sandbox.dispatcher(&["probe", "http://127.0.0.1:1"]).run();
    assert!(nobody.fails(75).contains("can't be reached"));
    sandbox.dispatcher(&["probe", "https://me@gateway.example"]).run().fails(78);
}

/// A home whose profile lists a server on loopback, with a path before the API's.
fn gateway(answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) -> (Sandbox, Server) {
    let mut sandbox = healthy();
    let server = Server::start(answer);
    sandbox.config(&format!("[profile.default]\nhosts = [{:?}]\n", server.url("")));
    sandbox.set("ANTHROPIC_BASE_URL", server.url("/base"));
    (sandbox, server)
}

fn refused(status: u16) -> Reply {
    Reply::json(status, &json!({ "type": "error" }))
}

#[track_caller]
fn live(sandbox: &Sandbox) -> Report {
    Report::of(sandbox.dispatcher(&["doctor", "--live", "--json"]))
}
