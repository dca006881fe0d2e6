//! Gateways with tenants in the path: a line of `hosts` with a path binds to that path.

use claude_credential_tests::script::Script;
use claude_credential_tests::{Client, Fake, Sandbox, request};
use serde_json::json;

const MINE: &str = "gateway.example/v1/acct-1";

/// Paths that are not below `/v1/acct-1`, or that two servers may read differently.
const OTHERS: [&str; 16] = [
    "",
    "/v1",
    "/v1/acct-2",
    "/v1/acct-10",
    "/v1/ACCT-1",
    "/v1/acct-1/../acct-2",
    "/v1/acct-1/%2e%2e/acct-2",
    "/v1/acct-1/%2E%2E/acct-2",
    "/v1/acct-1%2f..%2facct-2",
    "//v1/acct-1",
    "/v1//acct-1",
    "/v1/acct-1//../acct-2",
    "/v1/acct-1/..\\acct-2",
    "/v1\\acct-1",
    "/v1/acct-1/..;/acct-2",
    "?/v1/acct-1",
];

#[test]
fn the_client_gets_the_key_for_its_own_tenant_alone() {
    let (sandbox, fake) = fixture(&[MINE]);
    for path in OTHERS {
        let call = Client::usual(&sandbox).with("ANTHROPIC_BASE_URL", &format!("https://gateway.example{path}")).call();
        let said = call.fails(78);
        assert!(said.contains("ANTHROPIC_BASE_URL") && said.contains("/v1/acct-1"), "{path}: {said}");
        // The path of a URL may hold a secret.
        assert!(!said.contains("acct-2"), "{path}: {said}");
    }
    assert_eq!(fake.runs(), 0);
    for path in ["", "/", "/gw/anthropic"] {
        let url = format!("https://gateway.example/v1/acct-1{path}");
        assert_eq!(Client::usual(&sandbox).with("ANTHROPIC_BASE_URL", &url).key(), "key-1", "{path}");
    }
    let heard = fake.last("get").expect("a get");
    assert_eq!((heard.get("host"), heard.get("path")), (Some("gateway.example"), Some("v1/acct-1")));
    // An answer is for the line of `hosts`, whatever is below it.
    assert_eq!(fake.runs(), 1);
}

#[test]
fn a_projects_settings_lead_to_no_other_tenant() {
    let (sandbox, fake) = fixture(&["gateway.ai.cloudflare.com/v1/MINE/gw/anthropic", "api.anthropic.com"]);
    let clone = sandbox.folder("clone");
    let settings = |tenant: &str| {
        let url = format!("https://gateway.ai.cloudflare.com/v1/{tenant}/gw/anthropic");
        sandbox.write("clone/.claude/settings.json", json!({"env": {"ANTHROPIC_BASE_URL": url}}).to_string());
    };
    settings("ATTACKER");
    for call in [
        Client::usual(&sandbox).in_folder(&clone).call(),
        sandbox.dispatcher(&["exec", "--", "true"]).in_folder(&clone).run(),
    ] {
        let said = call.fails(78);
        assert!(said.contains("settings.json") && said.contains("/v1/MINE/gw/anthropic"), "{said}");
    }
    assert_eq!(fake.runs(), 0);
    settings("MINE");
    assert_eq!(Client::usual(&sandbox).in_folder(&clone).key(), "key-1");
}

#[test]
fn on_the_wire_a_request_without_the_path_or_with_another_gets_silence() {
    let (sandbox, fake) = fixture(&[MINE]);
    let get = |path: Option<&str>| {
        let line = path.map(|path| format!("path={path}"));
        let lines: Vec<&str> = line.as_deref().into_iter().collect();
        sandbox.dispatcher(&["get"]).says(request("gateway.example", &lines)).shows_secret().run()
    };
    for path in OTHERS.iter().map(|path| path.strip_prefix('/').unwrap_or(path)).chain(["/v1/acct-1", "v1/acct-1 "]) {
        assert_eq!(get(Some(path)).succeeds().stdout.trim_matches('\n'), "", "{path}");
    }
    assert_eq!(get(None).succeeds().stdout.trim_matches('\n'), "");
    assert_eq!(fake.runs(), 0);
    assert!(get(Some("v1/acct-1/repository.git")).succeeds().stdout.contains("password="));
    // A caller's own path goes on whole: a helper may tell accounts apart by it.
    assert_eq!(fake.last("get").expect("a get").get("path"), Some("v1/acct-1/repository.git"));
}

#[test]
fn the_path_of_a_request_chooses_the_profile() {
    let sandbox = Sandbox::new();
    let fakes = ["one", "two"].map(|name| sandbox.fake(name, &Script::secrets(vec![sandbox.secret(name)])));
    let profile = |name: &str, path: &str| {
        format!("[profile.{name}]\nhosts = [\"gateway.example/v1/{path}\"]\nchain = [\"{name}\"]\n")
    };
    let entries: String = fakes.iter().map(Fake::entry).collect();
    sandbox.config(&(profile("one", "acct-1") + &profile("two", "acct-2") + &entries));
    for (path, name) in [("v1/acct-1", "one"), ("v1/acct-2/x", "two")] {
        let get = sandbox.dispatcher(&["get"]).says(request("gateway.example", &[&format!("path={path}")]));
        assert!(get.shows_secret().run().succeeds().stdout.contains(&format!("{name}\n")), "{path}");
    }
    let wrong = sandbox.dispatcher(&["--profile", "one", "print", "--host", "gateway.example/v1/acct-2"]).run();
    assert!(wrong.fails(78).ends_with("--profile two"), "{wrong:#?}");
}

#[test]
fn a_key_that_one_tenant_erases_or_refuses_leaves_the_other_its_answer() {
    let sandbox = Sandbox::new();
    let fakes = ["one", "two"].map(|name| sandbox.fake(name, &Script::secrets(sandbox.keys(3))));
    let profile =
        |name: &str| format!("[profile.{name}]\nhosts = [\"gateway.example/v1/{name}\"]\nchain = [\"{name}\"]\n");
    let entries: String = fakes.iter().map(Fake::entry).collect();
    sandbox.config(&(profile("one") + &profile("two") + &entries));
    let print = |name: &str| sandbox.print().args(["--profile", name]);
    for name in ["one", "two"] {
        assert_eq!(print(name).run().key(), "key-1");
    }
    let erase = request("gateway.example", &["path=v1/one/x"]);
    sandbox.dispatcher(&["--profile", "one", "erase"]).says(erase).run().exits(0);
    assert_eq!(print("two").run().key(), "key-1");
    assert_eq!(print("one").run().key(), "key-2");
    assert_eq!(print("one").arg("--rejected").run().key(), "key-3");
    assert_eq!(print("two").run().key(), "key-1");
    assert_eq!(fakes[1].runs(), 1);
}

#[test]
fn two_tenants_of_one_gateway_have_a_kept_key_each() {
    let sandbox = Sandbox::new();
    let profile =
        |name: &str| format!("[profile.{name}]\nhosts = [\"gateway.example/v1/{name}\"]\nchain = [\"api-key\"]\n");
    let whole = "[profile.whole]\nhosts = [\"gateway.example\"]\nchain = [\"api-key\"]\n";
    sandbox.config(&format!("key_store = \"file\"\n{}{}{}{whole}", profile("one"), profile("two"), profile("three")));
    let call = |profile: &str, args: &[&str]| sandbox.dispatcher(&["--profile", profile]).args(args).shows_secret();
    for name in ["one", "two"] {
        call(name, &["login", "api-key", "--stdin"]).says(sandbox.secret(name)).run().exits(0);
        assert_eq!(call(name, &["print"]).run().key(), name);
    }
    call("three", &["print"]).run().fails(1);
    call("whole", &["print"]).run().fails(1);
    let list = call("one", &["cache", "list"]).run();
    assert!(list.succeeds().stdout.contains("kept key: https://gateway.example/v1/two, "), "{list:#?}");
    // A key for the whole gateway is for every tenant without one of its own.
    call("whole", &["login", "api-key", "--stdin"]).says(sandbox.secret("whole")).run().exits(0);
    for (name, key) in [("one", "one"), ("two", "two"), ("three", "whole"), ("whole", "whole")] {
        assert_eq!(call(name, &["print"]).run().key(), key, "{name}");
    }
    // git erases what it was given, under the path that it asked for.
    let erase = request("gateway.example", &["path=v1/one/x", &format!("password={}", sandbox.secret("one"))]);
    call("one", &["erase"]).says(erase).run().exits(0);
    for (name, key) in [("one", "whole"), ("two", "two")] {
        assert_eq!(call(name, &["print"]).run().key(), key, "{name}");
    }
}

#[test]
fn a_line_whose_path_servers_read_differently_is_refused_with_its_place() {
    for line in
        ["gateway.example/v1/../acct-1", "gateway.example//v1", "gateway.example/v1%2facct-1", "https://a.example/x?y"]
    {
        let (sandbox, fake) = fixture(&[line]);
        let output = sandbox.print().run();
        let said = output.fails(78);
        assert!(said.contains("config.toml:2") && said.contains("its path has"), "{said}");
        assert_eq!(fake.runs(), 0);
    }
}

#[test]
fn a_command_is_sent_to_its_own_tenant() {
    let (sandbox, _fake) = fixture(&[MINE]);
    let exec = |url: Option<&str>| {
        let call = sandbox.dispatcher(&["exec", "--", "sh", "-c", "echo at $ANTHROPIC_BASE_URL"]);
        if let Some(url) = url { call.with("ANTHROPIC_BASE_URL", url) } else { call }.run()
    };
    assert_eq!(exec(None).succeeds().stdout, "at https://gateway.example/v1/acct-1\n");
    let own = "https://gateway.example/v1/acct-1/anthropic";
    assert_eq!(exec(Some(own)).succeeds().stdout, format!("at {own}\n"));
    for path in OTHERS {
        exec(Some(&format!("https://gateway.example{path}"))).fails(78);
    }
}

/// A profile with those hosts, and one helper.
#[test]
fn print_sets_the_variable_of_the_tenant_whose_key_it_prints() {
    let (sandbox, fake) = fixture(&[MINE, "gateway.example/v1/acct-2"]);
    let other = "https://gateway.example/v1/acct-2";
    let print = |options: &[&str]| {
        let call = sandbox.print().with("ANTHROPIC_BASE_URL", other).args(["--format", "env"]).args(options).run();
        call.succeeds().stdout.clone()
    };
    assert!(!print(&[]).contains("ANTHROPIC_BASE_URL"), "it stays where it leads");
    assert_eq!(fake.last("get").expect("a get").get("path"), Some("v1/acct-2"));
    assert!(print(&["--host", MINE]).contains("ANTHROPIC_BASE_URL='https://gateway.example/v1/acct-1'"));
    assert_eq!(fake.last("get").expect("a get").get("path"), Some("v1/acct-1"));
}

#[test]
fn a_key_is_stored_for_the_line_that_lists_its_host_and_a_missing_one_is_named_by_it() {
    let mut sandbox = Sandbox::new();
    sandbox.set("XDG_DATA_HOME", sandbox.home().join("data").to_str().expect("UTF-8"));
    let hosts = [MINE, "gateway.example/v1/acct-2"];
    sandbox.config(&format!("key_store = \"file\"\n[profile.default]\nhosts = {hosts:?}\nchain = [\"api-key\"]\n"));
    let print = || sandbox.dispatcher(&["print", "--host", "gateway.example/v1/acct-2"]).shows_secret().run();
    let said = print();
    assert!(said.fails(1).ends_with("login api-key --host gateway.example/v1/acct-2"), "{said:#?}");
    let below = "https://gateway.example/v1/acct-2/anthropic";
    let login = sandbox
        .dispatcher(&["login", "api-key", "--stdin", "--host", below])
        .says(sandbox.secret("second") + "\n")
        .run();
    login.exits(0);
    assert_eq!(print().key(), "second");
}

#[test]
fn two_places_that_are_two_tenants_get_no_one_key() {
    let (sandbox, fake) = fixture(&["gateway.example/a", "gateway.example/b"]);
    let variables = [
        ("CLAUDE_CODE_USE_FOUNDRY", "1"),
        ("CLAUDE_CODE_SKIP_FOUNDRY_AUTH", "1"),
        ("ANTHROPIC_FOUNDRY_BASE_URL", "https://gateway.example/a"),
    ];
    let client = || variables.iter().fold(Client::usual(&sandbox), |client, (name, value)| client.with(name, value));
    assert_eq!(client().key(), "key-1");
    let mut sandbox = sandbox;
    sandbox.config(&format!(
        "[profile.default]\nhosts = [\"gateway.example/a\", \"acme.services.ai.azure.com/anthropic\"]\nchain = \
         [\"acme\"]\n{}",
        fake.entry()
    ));
    sandbox.set("ANTHROPIC_FOUNDRY_RESOURCE", "acme");
    let client = variables.iter().fold(Client::usual(&sandbox), |client, (name, value)| client.with(name, value));
    let output = client.call();
    assert!(output.fails(78).contains("different tenants"), "{output:#?}");
}

fn fixture(hosts: &[&str]) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(1)));
    let entry = fake.entry_with("vary = []");
    sandbox.config(&format!("[profile.default]\nhosts = {hosts:?}\nchain = [\"acme\"]\n\n{entry}"));
    (sandbox, fake)
}
