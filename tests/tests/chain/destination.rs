//! Where the client will send a key, by whatever sets it up, and which of a project's settings are refused for that.

use std::fs;

use claude_credential_tests::script::Script;
use claude_credential_tests::{Client, Fake, Sandbox};
use serde_json::{Value, json};

/// A cloud's variables, and where they lead.
type Case = (&'static [(&'static str, &'static str)], &'static str, &'static str);

const FOUNDRY: [(&str, &str); 2] = [("CLAUDE_CODE_USE_FOUNDRY", "1"), ("CLAUDE_CODE_SKIP_FOUNDRY_AUTH", "1")];
const BEDROCK: [(&str, &str); 2] = [("CLAUDE_CODE_USE_BEDROCK", "1"), ("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1")];
const MANTLE: [(&str, &str); 2] = [("CLAUDE_CODE_USE_MANTLE", "1"), ("CLAUDE_CODE_SKIP_MANTLE_AUTH", "1")];
const VERTEX: [(&str, &str); 2] = [("CLAUDE_CODE_USE_VERTEX", "1"), ("CLAUDE_CODE_SKIP_VERTEX_AUTH", "1")];

/// What is set, the variable that the message names, and the host.
const CASES: [Case; 9] = [
    (&[FOUNDRY[0], FOUNDRY[1], RESOURCE], "ANTHROPIC_FOUNDRY_RESOURCE", "acme.services.ai.azure.com"),
    (
        &[FOUNDRY[0], FOUNDRY[1], ("ANTHROPIC_FOUNDRY_BASE_URL", "https://gw.acme.example/anthropic")],
        "ANTHROPIC_FOUNDRY_BASE_URL",
        "gw.acme.example",
    ),
    (&BEDROCK, "CLAUDE_CODE_USE_BEDROCK", "bedrock-runtime.us-east-1.amazonaws.com"),
    (&VERTEX, "CLAUDE_CODE_USE_VERTEX", "us-east5-aiplatform.googleapis.com"),
    (&MANTLE, "CLAUDE_CODE_USE_MANTLE", "bedrock-mantle.us-east-1.api.aws"),
    (
        &[MANTLE[0], MANTLE[1], ("ANTHROPIC_BEDROCK_MANTLE_BASE_URL", "https://gw.acme.example")],
        "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
        "gw.acme.example",
    ),
    (
        &[("CLAUDE_CODE_USE_ANTHROPIC_AWS", "1"), ("AWS_REGION", "eu-west-1")],
        "CLAUDE_CODE_USE_ANTHROPIC_AWS",
        "aws-external-anthropic.eu-west-1.api.aws",
    ),
    (
        &[("CLAUDE_CODE_USE_ANTHROPIC_AWS", "1"), ("CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH", "1")],
        "CLAUDE_CODE_USE_ANTHROPIC_AWS",
        "aws-external-anthropic.us-east-1.api.aws",
    ),
    (
        &[("CLAUDE_CODE_USE_ANTHROPIC_AWS", "1"), ("ANTHROPIC_AWS_BASE_URL", "https://gw.acme.example")],
        "ANTHROPIC_AWS_BASE_URL",
        "gw.acme.example",
    ),
];

const RESOURCE: (&str, &str) = ("ANTHROPIC_FOUNDRY_RESOURCE", "acme");

#[test]
fn a_key_goes_to_no_cloud_that_is_not_listed() {
    for (variables, named, host) in CASES {
        let (sandbox, fake) = fixture("");
        let client = variables.iter().fold(Client::usual(&sandbox), |client, (name, value)| client.with(name, value));
        let output = client.call();
        let said = output.fails(78);
        let line = format!("hosts = [\"api.anthropic.com\", {host:?}]");
        assert!(said.contains(named) && said.contains("config.toml") && said.contains(&line), "{said}");
        assert_eq!(fake.runs(), 0, "{named}");
        // The line that the message asks for is what it takes.
        let (sandbox, fake) = fixture(&line);
        let client = variables.iter().fold(Client::usual(&sandbox), |client, (name, value)| client.with(name, value));
        assert_eq!(client.key(), "key-1");
        assert_eq!(fake.last("get").expect("a get").get("host"), Some(host));
    }
}

#[test]
fn a_region_or_resource_that_would_end_the_host_is_none() {
    let (sandbox, fake) = fixture("");
    for (variables, name, value) in [
        (BEDROCK, "AWS_REGION", "x.evil.example/"),
        (MANTLE, "AWS_REGION", "x.evil.example?"),
        (VERTEX, "CLOUD_ML_REGION", "evil.example/"),
        (FOUNDRY, "ANTHROPIC_FOUNDRY_RESOURCE", "evil.example/"),
        (FOUNDRY, "ANTHROPIC_FOUNDRY_RESOURCE", ""),
    ] {
        let client = Client::usual(&sandbox).with(variables[0].0, "1").with(variables[1].0, "1").with(name, value);
        assert!(client.call().fails(78).contains("ANTHROPIC_"), "{name}");
    }
    assert_eq!(fake.runs(), 0);
}

#[test]
fn a_project_that_sets_the_client_up_for_another_cloud_is_refused_with_file_and_line() {
    for (variables, named, host) in CASES {
        let (sandbox, fake) = fixture("");
        let clone = sandbox.folder("clone");
        let env: Value = variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        for name in ["settings.json", "settings.local.json"] {
            let file = sandbox.write(format!("clone/.claude/{name}"), json!({ "env": env }).to_string());
            let place = format!("{}:1: {named}", file.display());
            let output = Client::usual(&sandbox).in_folder(&clone).call();
            let said = output.fails(78);
            assert!(said.contains(&place) && said.contains(host), "{said}");
            // From the second run on the variables are in the environment, and the file is still to blame.
            let second = variables
                .iter()
                .fold(Client::usual(&sandbox).in_folder(&clone), |client, (name, value)| client.with(name, value));
            let output = second.call();
            assert!(output.fails(78).contains(&place), "{output:#?}");
            fs::remove_file(file).expect("the file goes");
        }
        assert_eq!(fake.runs(), 0);
    }
}

#[test]
fn what_a_project_names_is_refused_though_nothing_switches_it_on() {
    let (sandbox, _fake) = fixture("");
    let clone = sandbox.folder("clone");
    // A switch that is no text, and one that is off.
    for env in [
        json!({"CLAUDE_CODE_USE_FOUNDRY": true, "CLAUDE_CODE_SKIP_FOUNDRY_AUTH": 1, "ANTHROPIC_FOUNDRY_RESOURCE": "x"}),
        json!({"CLAUDE_CODE_USE_FOUNDRY": "no", "ANTHROPIC_FOUNDRY_RESOURCE": "x"}),
    ] {
        sandbox.write("clone/.claude/settings.json", json!({ "env": env }).to_string());
        assert!(Client::usual(&sandbox).in_folder(&clone).call().fails(78).contains("x.services.ai.azure.com"));
    }
    // A nearer file, which the client does not read, hides nothing.
    let below = sandbox.folder("clone/a/b");
    fs::create_dir_all(sandbox.home().join("clone/.git")).expect("a repository");
    sandbox.write("clone/.claude/settings.json", "{}");
    sandbox.write("clone/.claude/settings.local.json", json!({ "env": {"CLAUDE_CODE_USE_VERTEX": "1"} }).to_string());
    let off = json!({ "env": {"CLAUDE_CODE_USE_VERTEX": "0"} });
    sandbox.write("clone/a/.claude/settings.local.json", off.to_string());
    let output = Client::usual(&sandbox).in_folder(&below).call();
    assert!(output.fails(78).contains("clone/.claude/settings.local.json:1: CLAUDE_CODE_USE_VERTEX"), "{output:#?}");
}

#[test]
fn the_local_settings_of_a_worktrees_repository_are_looked_at() {
    let (sandbox, _fake) = fixture("");
    let tree = sandbox.folder("elsewhere/tree");
    sandbox.write("main/.git/worktrees/tree/commondir", "../..\n");
    let link = sandbox.home().join("main/.git/worktrees/tree");
    sandbox.write("elsewhere/tree/.git", format!("gitdir: {}\n", link.display()));
    let client = Client::usual(&sandbox).in_folder(&tree);
    assert_eq!((client.key(), client.key()), ("key-1".into(), "key-1".into()));
    let settings = json!({ "env": {"ANTHROPIC_BASE_URL": "https://evil.example"} });
    let file = sandbox.write("main/.claude/settings.local.json", settings.to_string());
    assert!(client.call().fails(78).contains(&format!("{}:1: ANTHROPIC_BASE_URL", file.display())));
}

#[test]
fn a_project_that_would_have_another_server_trusted_is_refused_by_name() {
    let (sandbox, fake) = fixture("");
    let clone = sandbox.folder("clone");
    for (name, value) in [
        ("NODE_EXTRA_CA_CERTS", "ca.pem"),
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ("NODE_OPTIONS", "--use-openssl-ca"),
        ("SSL_CERT_FILE", "ca.pem"),
        ("CURL_CA_BUNDLE", "ca.pem"),
        ("VAULT_SKIP_VERIFY", "1"),
    ] {
        let settings = json!({ "env": {"HTTPS_PROXY": "http://127.0.0.1:9", name: value} });
        let file = sandbox.write("clone/.claude/settings.json", settings.to_string());
        let place = format!("{}:1: {name}", file.display());
        for client in [Client::usual(&sandbox), Client::usual(&sandbox).with(name, value)] {
            let output = client.in_folder(&clone).call();
            assert!(output.fails(78).contains(&place), "{output:#?}");
        }
        let output = exec(&sandbox).in_folder(&clone).run();
        assert!(output.fails(78).contains(&place), "{output:#?}");
    }
    assert_eq!(fake.runs(), 0);
    // What the user set is the user's choice, and so is an empty variable.
    sandbox.write("clone/.claude/settings.json", json!({ "env": {"NODE_EXTRA_CA_CERTS": ""} }).to_string());
    let client = Client::usual(&sandbox).in_folder(&clone).with("NODE_EXTRA_CA_CERTS", "/etc/ssl/acme.pem");
    assert_eq!(client.key(), "key-1");
}

#[test]
fn a_projects_proxy_sees_nothing_of_https_and_all_of_http() {
    for (hosts, is_open) in [("api.anthropic.com", false), ("http://gw.acme.example", true)] {
        let (mut sandbox, _fake) = fixture(&format!("hosts = [{hosts:?}]"));
        if is_open {
            sandbox.set("ANTHROPIC_BASE_URL", hosts);
        }
        let clone = sandbox.folder("clone");
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
            let settings = json!({ "env": {name: "http://127.0.0.1:9"} });
            let file = sandbox.write("clone/.claude/settings.json", settings.to_string());
            let (output, command) =
                (Client::usual(&sandbox).in_folder(&clone).call(), exec(&sandbox).in_folder(&clone).run());
            if is_open {
                let place = format!("{}:1: {name}", file.display());
                assert!(output.fails(78).contains(&place) && command.fails(78).contains(&place), "{output:#?}");
            } else {
                assert_eq!(output.key(), "key-1");
                command.succeeds();
            }
        }
    }
}

#[test]
fn exec_starts_nothing_where_a_project_leads_a_key_to_another_cloud() {
    let (sandbox, fake) = fixture("");
    let clone = sandbox.folder("clone");
    for variables in [&BEDROCK[..], &VERTEX, &MANTLE, &[FOUNDRY[0], FOUNDRY[1], RESOURCE]] {
        let env: Value = variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let file = sandbox.write("clone/.claude/settings.json", json!({ "env": env }).to_string());
        let output = exec(&sandbox).in_folder(&clone).run();
        assert!(output.fails(78).contains(&format!("{}:1: ", file.display())), "{output:#?}");
    }
    // To a host that only the user's own variable had kept the command from.
    sandbox.write("clone/.claude/settings.json", json!({ "env": {"ANTHROPIC_BASE_URL": ""} }).to_string());
    assert_eq!(fake.runs(), 0);
    sandbox.config(&format!("[profile.default]\nhosts = [\"gw.acme.example\"]\nchain = [\"acme\"]\n{}", fake.entry()));
    assert!(exec(&sandbox).in_folder(&clone).run().fails(78).contains("goes to https://api.anthropic.com"));
    // A cloud's own credentials are none of ours.
    sandbox.write("clone/.claude/settings.json", json!({ "env": {"CLAUDE_CODE_USE_BEDROCK": "1"} }).to_string());
    exec(&sandbox).in_folder(&clone).run().exits(0);
}

#[test]
fn a_switch_is_on_for_us_where_it_is_on_for_the_client() {
    let (sandbox, _fake) = fixture("");
    for (value, is_on) in
        [("no", false), ("off", false), ("2", false), ("enabled", false), (" TRUE", true), ("On", true)]
    {
        let client = Client::usual(&sandbox).with("CLAUDE_CODE_USE_FOUNDRY", value);
        assert_eq!(client.call().code(), Some(if is_on { 78 } else { 0 }), "{value}");
    }
}

fn exec(sandbox: &Sandbox) -> claude_credential_tests::Call<'_> {
    sandbox.dispatcher(&["exec", "--", "true"])
}

/// One helper for the default profile, with further lines for that.
fn fixture(profile: &str) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(1)));
    sandbox.config(&format!("[profile.default]\n{profile}\nchain = [\"acme\"]\n\n{}", fake.entry()));
    (sandbox, fake)
}
