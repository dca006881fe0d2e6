//! Claude Code set up for a cloud: whom the dispatcher asks, for which host, and what becomes of the answer.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Client, Fake, Sandbox, wait_until};
use serde_json::{Value, json};

#[test]
fn a_cloud_is_asked_alone_for_its_own_host() {
    for (cloud, switch, region, host) in [
        ("bedrock", "CLAUDE_CODE_USE_BEDROCK", ("AWS_REGION", "eu-west-1"), "bedrock-runtime.eu-west-1.amazonaws.com"),
        (
            "bedrock",
            "CLAUDE_CODE_USE_BEDROCK",
            ("AWS_REGION", "cn-north-1"),
            "bedrock-runtime.cn-north-1.amazonaws.com.cn",
        ),
        ("vertex", "CLAUDE_CODE_USE_VERTEX", ("CLOUD_ML_REGION", "global"), "aiplatform.googleapis.com"),
        ("vertex", "CLAUDE_CODE_USE_VERTEX", ("CLOUD_ML_REGION", "eu"), "aiplatform.eu.rep.googleapis.com"),
    ] {
        let (mut sandbox, fake) = fixture(cloud, switch);
        sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key"));
        sandbox.set(region.0, region.1);
        fake.does(&Script::none());
        let said = sandbox.print().run();
        let said = said.fails(1);
        let sign_in =
            if cloud == "bedrock" { "run: aws sso login" } else { "run: gcloud auth application-default login" };
        assert!(said.contains(host) && said.ends_with(sign_in), "{said}");
        assert_eq!(fake.last("get").expect("a get").get("host"), Some(host));
        sandbox.set(switch, "0");
        assert_eq!(sandbox.print().run().key(), "key");
        assert_eq!(fake.runs(), 1);
    }
}

#[test]
fn behind_a_gateway_of_its_own_the_usual_chain_is_asked() {
    for (cloud, switch, skip, base) in [
        ("bedrock", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH", "ANTHROPIC_BEDROCK_BASE_URL"),
        ("vertex", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH", "ANTHROPIC_VERTEX_BASE_URL"),
    ] {
        let (mut sandbox, fake) = fixture(cloud, switch);
        sandbox.config("[profile.default]\nhosts = [\"api.anthropic.com\", \"gateway.acme.example\"]\n");
        sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key"));
        sandbox.set(skip, "1");
        sandbox.set(base, "https://gateway.acme.example");
        assert_eq!(sandbox.print().run().key(), "key");
        assert_eq!(Client::usual(&sandbox).key(), "key");
        assert_eq!(fake.runs(), 0);
    }
}

#[test]
fn aws_credentials_are_kept_while_they_are_good() {
    let (sandbox, fake) = fixture("bedrock", "CLAUDE_CODE_USE_BEDROCK");
    let printed = || {
        let output = sandbox.print().args(["--format", "sts"]).run();
        let printed: Value = serde_json::from_str(&output.succeeds().stdout).expect("JSON");
        printed["Credentials"]["AccessKeyId"].as_str().expect("an access key").to_owned()
    };
    let (first, _) = aws(&sandbox, "AKIA1", 3600);
    fake.does(&Script::new(first));
    assert_eq!((printed(), printed()), ("AKIA1".to_owned(), "AKIA1".to_owned()));
    assert_eq!(fake.runs(), 1);
    sandbox.dispatcher(&["cache", "clear"]).run().succeeds();
    let (short, ends) = aws(&sandbox, "AKIA2", 3);
    fake.does(&Script::new(short));
    assert_eq!(printed(), "AKIA2");
    wait_until(|| now() > ends);
    let (next, _) = aws(&sandbox, "AKIA3", 3600);
    fake.does(&Script::new(next));
    assert_eq!((printed(), printed()), ("AKIA3".to_owned(), "AKIA3".to_owned()));
    assert_eq!(fake.runs(), 3);
}

#[test]
fn aws_credentials_are_kept_until_they_are_due_unless_a_ttl_is_said() {
    let (mut sandbox, fake) = fixture("bedrock", "CLAUDE_CODE_USE_BEDROCK");
    let (answer, _) = aws(&sandbox, "AKIA1", 3600);
    fake.does(&Script::new(answer));
    let print = |sandbox: &Sandbox| {
        sandbox.print().args(["--format", "sts"]).run().succeeds();
        fake.runs()
    };
    assert_eq!(print(&sandbox), 1);
    make_older(&sandbox, 50 * 60);
    assert_eq!(print(&sandbox), 1, "ten minutes before they end");
    sandbox.set("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "300000");
    assert_eq!((print(&sandbox), print(&sandbox)), (2, 2), "five minutes were said");
    make_older(&sandbox, 301);
    assert_eq!(print(&sandbox), 3);
}

/// Sets back when the cached answers were had.
fn make_older(sandbox: &Sandbox, seconds: u64) {
    let entries = fs::read_dir(sandbox.runtime()).expect("a folder").map(|entry| entry.expect("an entry").path());
    for file in entries.filter(|path| path.extension().is_some_and(|ending| ending == "cache")) {
        let text = fs::read_to_string(&file).expect("a cached answer");
        let older = text.lines().map(|line| match line.strip_prefix("cache.obtained=") {
            Some(number) => format!("cache.obtained={}\n", number.parse::<u64>().expect("a number") - seconds * 1000),
            None => format!("{line}\n"),
        });
        fs::write(&file, older.collect::<String>()).expect("a file");
    }
}

#[test]
fn the_client_is_told_how_to_have_them() {
    let (sandbox, fake) = fixture("bedrock", "CLAUDE_CODE_USE_BEDROCK");
    let (answer, _) = aws(&sandbox, "AKIA1", 3600);
    fake.does(&Script::new(answer));
    let output = Client::usual(&sandbox).call();
    assert!(output.fails(78).ends_with("claude-credential print --format sts"), "{output:#?}");
    // Where a chain has a key as well, that is what the client gets.
    let key = sandbox.fake("key", &Script::secrets([sandbox.secret("key")]));
    sandbox.config(&format!("[profile.default]\nchain = [\"bedrock\", \"key\"]\n\n{}", key.entry()));
    assert_eq!(Client::usual(&sandbox).with("CLAUDE_CODE_USE_BEDROCK", "").key(), "key");
}

#[test]
fn a_token_of_vertex_is_a_key_and_one_that_needs_a_header_is_for_scripts() {
    let (sandbox, fake) = fixture("vertex", "CLAUDE_CODE_USE_VERTEX");
    fake.does(&Script::secrets([sandbox.secret("token")]));
    assert_eq!(Client::usual(&sandbox).key(), "token");
    let header = ["claude.header[]=x-goog-user-project: acme"];
    fake.does(&Script::new(Does::answers_with(sandbox.secret("token"), &header)));
    sandbox.dispatcher(&["cache", "clear"]).run().succeeds();
    let output = Client::usual(&sandbox).call();
    assert!(output.fails(78).ends_with("claude-credential print"), "{output:#?}");
}

const GCLOUD_FILES: &[&str] = &[
    ".config/gcloud/application_default_credentials.json",
    ".config/gcloud/configurations/config_default",
    ".config/gcloud/active_config",
];

#[test]
fn another_profile_in_their_files_is_another_answer() {
    for (cloud, switch, files) in [
        ("bedrock", "CLAUDE_CODE_USE_BEDROCK", &[".aws/config", ".aws/credentials"][..]),
        ("vertex", "CLAUDE_CODE_USE_VERTEX", GCLOUD_FILES),
    ] {
        let (sandbox, fake) = fixture(cloud, switch);
        fake.does(&Script::secrets(sandbox.keys(9)));
        let user = format!("[profile.other]\nchain = [\"mine\"]\n[entry.mine]\nhelper = {cloud:?}\n");
        for options in [&[][..], &["--profile", "other"]] {
            sandbox.config(&user);
            // What an earlier round wrote names no configuration that is active.
            let _ = std::fs::remove_file(sandbox.home().join(".config/gcloud/active_config"));
            let printed = || sandbox.print().args(options).run().key();
            for file in files {
                let before = printed();
                assert_eq!(printed(), before);
                sandbox.write(file, format!("written for {options:?}"));
                assert_ne!(printed(), before, "{file}");
            }
        }
    }
    let (mut sandbox, fake) = fixture("bedrock", "CLAUDE_CODE_USE_BEDROCK");
    fake.does(&Script::secrets(sandbox.keys(9)));
    let elsewhere = sandbox.write("elsewhere", "one");
    sandbox.set("AWS_CONFIG_FILE", &elsewhere);
    let before = sandbox.print().run().key();
    fs::write(elsewhere, "the other").expect("a file");
    assert_ne!(sandbox.print().run().key(), before);
    let before = sandbox.print().run().key();
    sandbox.settings(&json!({ "awsCredentialExport": "some-command" }));
    assert_ne!(sandbox.print().run().key(), before);
}

#[test]
fn a_setting_that_leads_back_to_us_is_seen_below_its_run() {
    let (sandbox, _fake) = fixture("bedrock", "CLAUDE_CODE_USE_BEDROCK");
    // What the helper hands down to the command of the setting.
    let active = format!("{} awsCredentialExport", "0".repeat(32));
    let output = sandbox.print().with("CLAUDE_CREDENTIAL_ACTIVE", active).run();
    assert!(output.fails(78).contains("calls itself"), "{output:#?}");
    assert!(sandbox.runtime().join(format!("{}.itself", "0".repeat(32))).exists());
}

/// With a helper for a cloud that does as a script says.
fn fixture(cloud: &str, switch: &str) -> (Sandbox, Fake) {
    let mut sandbox = Sandbox::new();
    let fake = sandbox.fake(cloud, &Script::none());
    let (executable, [option, script]) = fake.helper();
    let text = format!("exec {} {option} {script} \"$@\"", executable.display());
    sandbox.script(&format!("claude-credential-{cloud}"), &text);
    sandbox.set(switch, "1");
    (sandbox, fake)
}

/// Credentials of that name that end in so many seconds, and when that is.
fn aws(sandbox: &Sandbox, name: &str, seconds: u64) -> (Does, u64) {
    let ends = now() + seconds;
    let (secret, token) = (sandbox.secret("secret"), sandbox.secret("session-token"));
    let lines = [
        "capability[]=claude.v1",
        "claude.kind=aws",
        &format!("username={name}"),
        &format!("password={secret}"),
        &format!("claude.session_token={token}"),
        &format!("password_expiry_utc={ends}"),
    ];
    (Does::Prints(format!("{}\n\n", lines.join("\n"))), ends)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs())
}
