//! `explain`, of Claude Code itself: what it would send, from which line, and what is wrong with that.

use claude_credential_tests::Sandbox;
use claude_credential_tests::script::Script;
use serde_json::{Value, json};

/// In 2100, in milliseconds.
const FAR: u64 = 4_102_444_800_000;

/// What is there, and the sources of `Authorization` and `x-api-key`.
type Case<'a> = (&'a [&'a str], Option<&'a str>, Option<&'a str>);

#[test]
fn each_header_has_the_source_that_the_client_was_seen_to_take() {
    let (token, key, helper) = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "apiKeyHelper");
    let (oauth, descriptor) = ("CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR");
    let login = "Claude Code's own login";
    let descriptor_key = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR";
    let (bedrock, no_bedrock) = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH");
    let (vertex, no_vertex) = ("CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH");
    let (foundry, no_foundry) = ("CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_SKIP_FOUNDRY_AUTH");
    let (aws, no_aws) = ("CLAUDE_CODE_USE_ANTHROPIC_AWS", "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH");
    let (mantle, no_mantle) = ("CLAUDE_CODE_USE_MANTLE", "CLAUDE_CODE_SKIP_MANTLE_AUTH");
    let of_bedrock = "AWS_BEARER_TOKEN_BEDROCK";
    let (foundry_key, foundry_token) = ("ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_AUTH_TOKEN");
    let aws_key = "ANTHROPIC_AWS_API_KEY";
    let cloud = "the cloud's own credentials";
    let cases: [Case; 32] = [
        (&[], None, None),
        (&[token, helper], Some(token), Some(helper)),
        (&[token, key], Some(token), Some(key)),
        (&[helper, key], Some(helper), Some(key)),
        (&[token, oauth, login], Some(token), None),
        (&[helper, oauth, descriptor, login], Some(helper), Some(helper)),
        (&[key, oauth, login], None, Some(key)),
        (&[oauth, descriptor, login], Some(oauth), None),
        (&[descriptor, login], Some(descriptor), None),
        (&[login], Some(login), None),
        (&[descriptor_key, helper], Some(helper), Some(descriptor_key)),
        (&[descriptor_key, key], None, Some(key)),
        (&[descriptor_key, oauth, login], None, Some(descriptor_key)),
        (&[bedrock, key, helper], Some(cloud), None),
        (&[bedrock, no_bedrock, helper], Some(helper), None),
        (&[bedrock, no_bedrock, key, helper], Some(helper), Some(key)),
        (&[bedrock, no_bedrock, token, key, helper], Some(token), Some(key)),
        (&[bedrock, no_bedrock, of_bedrock, token, key], Some(of_bedrock), Some(key)),
        (&[bedrock, no_bedrock, descriptor_key, helper], Some(helper), None),
        (&[vertex, no_vertex, token, key, helper], Some(token), Some(key)),
        (&[foundry, token, key, helper], Some(cloud), None),
        (&[foundry, foundry_key, foundry_token, token, helper], Some(foundry_token), None),
        (&[foundry, no_foundry, foundry_key, token, helper], None, Some(foundry_key)),
        (&[foundry, no_foundry, token, key, helper], Some(token), None),
        (&[foundry, no_foundry, key, helper], Some(helper), None),
        (&[aws, aws_key, token, key, helper], None, Some(aws_key)),
        (&[aws, no_aws, aws_key, helper], Some(helper), Some(helper)),
        (&[aws, no_aws, token, key, helper], Some(token), Some(token)),
        (&[mantle, of_bedrock, token, key, helper], Some(of_bedrock), None),
        (&[mantle, no_mantle, of_bedrock, key, helper], Some(helper), None),
        // Of several clouds the first counts, in this order.
        (&[vertex, no_vertex, mantle, helper], Some(cloud), None),
        (&[mantle, no_mantle, foundry, no_foundry, foundry_key, helper], None, Some(foundry_key)),
    ];
    for (there, authorization, x_api_key) in cases {
        let mut sandbox = Sandbox::with_executables(&["claude-credential", "claude-credential-apikey"]);
        for name in there {
            match *name {
                "apiKeyHelper" => drop(sandbox.settings(&json!({ "apiKeyHelper": "printf %s none" }))),
                "Claude Code's own login" => store_login(&sandbox),
                name if name.ends_with("_FILE_DESCRIPTOR") => sandbox.set(name, "9"),
                name if name.starts_with("CLAUDE_CODE_USE") || name.starts_with("CLAUDE_CODE_SKIP") => {
                    sandbox.set(name, "1");
                }
                name => sandbox.set(name, sandbox.secret(name)),
            }
        }
        let found = client(&sandbox, &[]);
        let sources = (found["authorization"]["source"].as_str(), found["x_api_key"]["source"].as_str());
        assert_eq!(sources, (authorization, x_api_key), "{there:?}: {found:#}");
    }
}

#[test]
fn a_header_of_the_users_own_counts_where_the_client_was_seen_to_send_it() {
    let (token, key, oauth) = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN");
    let headers = "ANTHROPIC_CUSTOM_HEADERS";
    for (there, lines, authorization, x_api_key) in [
        (&[token, key][..], "X-Api-Key: KEY", Some(token), Some(headers)),
        (&[token], "Authorization: Bearer KEY", Some(token), None),
        (&[key], "Authorization: Bearer KEY\nX-Team: blue", Some(headers), Some(key)),
        (&[oauth], "authorization:Bearer KEY", Some(headers), None),
        (&[oauth], "x-api-key: KEY", Some(oauth), Some(headers)),
        (
            &["CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH", token],
            "x-api-key: KEY",
            Some(token),
            Some(headers),
        ),
    ] {
        let mut sandbox = Sandbox::with_executables(&["claude-credential", "claude-credential-apikey"]);
        for name in there {
            let is_switch = name.starts_with("CLAUDE_CODE_USE") || name.starts_with("CLAUDE_CODE_SKIP");
            sandbox.set(name, if is_switch { "yes".to_owned() } else { sandbox.secret(name) });
        }
        let secret = sandbox.secret("in-a-header");
        sandbox.set(headers, lines.replace("KEY", &secret));
        let found = client(&sandbox, &[]);
        let sources = (found["authorization"]["source"].as_str(), found["x_api_key"]["source"].as_str());
        assert_eq!(sources, (authorization, x_api_key), "{there:?} {lines}: {found:#}");
        let shown = if authorization == Some(headers) { &found["authorization"] } else { &found["x_api_key"] };
        assert!(x_api_key != Some(headers) || shown["last4"] == "ader", "{found:#}");
    }
}

#[test]
fn a_switch_is_on_for_the_words_that_the_client_takes() {
    let mut sandbox = fixture();
    for (value, cloud) in [
        ("no", None),
        ("2", None),
        ("enabled", None),
        (" On", Some("Microsoft Foundry")),
        ("TRUE", Some("Microsoft Foundry")),
    ] {
        sandbox.set("CLAUDE_CODE_USE_FOUNDRY", value);
        assert_eq!(client(&sandbox, &[])["cloud"].as_str(), cloud, "{value}");
    }
}

#[test]
fn what_can_t_be_known_from_here_is_said() {
    let mut sandbox = fixture();
    let unknown = |sandbox: &Sandbox| client(sandbox, &["--for-client"])["unknown"].to_string();
    for option in ["--settings", "--setting-sources", "--bare"] {
        assert!(unknown(&sandbox).contains(option), "{option}");
    }
    assert!(!unknown(&sandbox).contains("rejected on the screen"));
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key"));
    assert!(unknown(&sandbox).contains("ANTHROPIC_API_KEY was rejected on the screen"));
    let text = sandbox.dispatcher(&["explain"]).run();
    assert!(text.exits(0).stdout.contains("--setting-sources"), "{text:#?}");
}

#[test]
fn a_setting_is_named_with_file_and_line_in_every_scope_and_no_value_is_shown() {
    let mut sandbox = Sandbox::new();
    let (helper, key, token) = (sandbox.secret("helper"), sandbox.secret("key"), sandbox.secret("token"));
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("other"));
    sandbox.set("ANTHROPIC_AUTH_TOKEN", "");
    let user = sandbox.write(
        ".claude/settings.json",
        format!("{{\n  // mine\n  \"apiKeyHelper\": \"echo {helper}\",\n  \"env\": {{\n    \"ANTHROPIC_API_KEY\": \"{key}\"\n  }}\n}}\n"),
    );
    let project = sandbox.write(
        "code/deep/below/.claude/settings.json",
        "{\n\n  \"apiKeyHelper\": \"/x/claude-credential api-key-helper\" }",
    );
    let local = sandbox
        .write("code/.claude/settings.local.json", format!("{{\"env\": {{\"ANTHROPIC_AUTH_TOKEN\": \"{token}\"}}}}"));
    // Neither a folder above nor one between the repository's and the client's own counts, but the repository's local one.
    sandbox.write("code/deep/.claude/settings.json", format!("{{\"apiKeyHelper\": \"{helper}\"}}"));
    sandbox.write("code/deep/.claude/settings.local.json", format!("{{\"apiKeyHelper\": \"{helper}\"}}"));
    sandbox.write("code/.claude/settings.json", format!("{{\"apiKeyHelper\": \"{helper}\"}}"));
    sandbox.write("code/.git/HEAD", "");
    let below = sandbox.folder("code/deep/below");
    // The helper is not run: a key in a command is on a command line then.
    let output = sandbox.dispatcher(&["explain", "--json", "--chain", "api-key"]).in_folder(&below).run();
    let found: Value = serde_json::from_str(&output.exits(0).stdout).expect("JSON");
    super::schema::conforms("explain", &found);
    let client = &found["client"];
    let listed: Vec<Value> = client["settings"]
        .as_array()
        .expect("settings")
        .iter()
        .map(|it| json!([it["scope"], it["name"], it["note"], it["file"], it["line"]]))
        .collect();
    let shown = |path: &std::path::Path| path.to_str().expect("a path").to_owned();
    assert_eq!(
        listed,
        [
            json!(["local", "env.ANTHROPIC_AUTH_TOKEN", null, shown(&local), 1]),
            json!(["project", "apiKeyHelper", "this program", shown(&project), 3]),
            json!(["user", "apiKeyHelper", "overridden", shown(&user), 3]),
            json!(["user", "env.ANTHROPIC_API_KEY", null, shown(&user), 5]),
            json!(["environment", "ANTHROPIC_AUTH_TOKEN", "overridden", null, null]),
            json!(["environment", "ANTHROPIC_API_KEY", "overridden", null, null]),
        ]
    );
    let sent = |header: &str| json!([client[header]["source"], client[header]["file"], client[header]["line"]]);
    assert_eq!(sent("authorization"), json!(["ANTHROPIC_AUTH_TOKEN", shown(&local), 1]));
    assert_eq!(sent("x_api_key"), json!(["ANTHROPIC_API_KEY", shown(&user), 5]));
    assert_eq!(client["x_api_key"]["last4"], "-key");
    let text = sandbox.dispatcher(&["explain", "--chain", "api-key"]).in_folder(&below).run();
    assert!(text.exits(0).stdout.contains("~/code/deep/below/.claude/settings.json:3"), "{text:#?}");
}

#[test]
fn two_credentials_in_one_request_are_a_warning_that_says_which_one_to_take_away() {
    let mut sandbox = fixture();
    let us = format!("{} api-key-helper", sandbox.bin("claude-credential").display());
    sandbox.settings(&json!({ "apiKeyHelper": us }));
    assert_eq!(client(&sandbox, &[])["warnings"], json!([]));
    assert_eq!(client(&sandbox, &[])["differs"], Value::Null);
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("other"));
    for args in [&[][..], &["--for-client"]] {
        let found = client(&sandbox, args);
        let warning = found["warnings"][0].as_str().expect("a warning");
        // Without `--for-client` it is not known what the helper prints.
        let perhaps = if args.is_empty() { "perhaps " } else { "" };
        assert!(warning.starts_with(&format!("{perhaps}two different credentials in one request")), "{warning}");
        assert!(warning.ends_with("run: unset ANTHROPIC_API_KEY"), "{warning}");
        let differs = found["differs"].as_str().expect("a difference");
        assert!(differs.contains("ANTHROPIC_API_KEY") && differs.contains("acme"), "{differs}");
    }
    // The same secret in both headers is one credential; of the helper's it is known only where it was walked for it.
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key-1"));
    assert_eq!(client(&sandbox, &["--for-client"])["warnings"], json!([]));
}

#[test]
fn where_the_client_would_send_something_else_it_says_so_in_one_line() {
    let mut sandbox = fixture();
    let differs = |sandbox: &Sandbox| client(sandbox, &[])["differs"].as_str().map(str::to_owned);
    assert!(differs(&sandbox).is_some_and(|line| line.contains("does not ask this chain")));
    store_login(&sandbox);
    assert_eq!(differs(&sandbox).as_deref(), Some("Claude Code sends its own login; this chain gives acme's"));
    sandbox.settings(&json!({ "apiKeyHelper": "vault read" }));
    assert_eq!(differs(&sandbox).as_deref(), Some("Claude Code sends apiKeyHelper; this chain gives acme's"));
    sandbox.set("ANTHROPIC_AUTH_TOKEN", sandbox.secret("key-1"));
    assert_eq!(differs(&sandbox).as_deref(), Some("Claude Code sends apiKeyHelper; this chain gives acme's"));
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key-1"));
    assert_eq!(differs(&sandbox), None, "it is the same secret, wherever it is from");
}

#[test]
fn for_the_client_the_variables_of_its_settings_say_where_the_key_goes() {
    let sandbox = fixture();
    sandbox.settings(&json!({"env": {"ANTHROPIC_BASE_URL": "https://gw.other.example"}}));
    let output = sandbox.dispatcher(&["explain", "--json", "--for-client"]).run();
    assert!(output.exits(78).stdout.contains("gw.other.example"), "{output:#?}");
}

#[test]
fn what_a_helper_turns_off_is_said_where_there_is_a_login_that_it_outranks() {
    let sandbox = fixture();
    store_login(&sandbox);
    assert_eq!(client(&sandbox, &[])["warnings"], json!([]));
    sandbox.settings(&json!({ "apiKeyHelper": "vault read" }));
    let found = client(&sandbox, &[]);
    assert!(found["warnings"][0].as_str().is_some_and(|line| line.contains("Remote Control")), "{found:#}");
    assert_eq!(found["login"]["subscription"], "max");
}

#[test]
fn a_file_that_can_t_be_understood_is_a_warning_with_line_and_column_and_nothing_of_it() {
    let sandbox = fixture();
    sandbox.write(".claude/settings.json", format!("{{\n  \"apiKeyHelper\": {} }}", sandbox.secret("bare")));
    sandbox.write(".claude/.credentials.json", format!("{{ {}", sandbox.secret("torn")));
    let found = client(&sandbox, &[]);
    let warnings: Vec<&str> =
        found["warnings"].as_array().expect("warnings").iter().filter_map(Value::as_str).collect();
    assert!(warnings[0].contains(".claude/settings.json:2:"), "{warnings:?}");
    assert!(warnings[1].contains(".credentials.json:1:") && warnings[1].contains("claude auth login"), "{warnings:?}");
}

/// A chain of one helper.
fn fixture() -> Sandbox {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets([sandbox.secret("key-1")]));
    sandbox.chain(&[&fake]);
    sandbox
}

fn store_login(sandbox: &Sandbox) {
    let login = json!({
        "accessToken": sandbox.secret("login"),
        "refreshToken": sandbox.secret("refresh"),
        "expiresAt": FAR,
        "scopes": ["user:inference"],
        "subscriptionType": "max",
    });
    sandbox.write(".claude/.credentials.json", json!({ "claudeAiOauth": login }).to_string());
}

/// What is said of the client.
#[track_caller]
fn client(sandbox: &Sandbox, args: &[&str]) -> Value {
    let output = sandbox.dispatcher(&["explain", "--json"]).args(args).run();
    let found: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:#?}"));
    super::schema::conforms("explain", &found);
    found["client"].clone()
}
