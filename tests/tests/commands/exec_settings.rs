//! `exec` beside Claude Code's settings: they win over variables, so what they set is part of the choice, and what competes
//! is named.

use std::fs;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Fake, Output, Sandbox};
use serde_json::{Value, json};

const KEY: &str = "authtype=x-api-key\ncredential=SECRET";
const TOKEN: &str = "authtype=Bearer\ncredential=SECRET";

#[test]
fn each_setting_that_gives_the_client_another_credential_is_named_with_its_file_and_line() {
    let (sandbox, _fake) = fixture(KEY);
    let file = write(
        &sandbox,
        ".claude/settings.json",
        &json!({
            "apiKeyHelper": "vault read",
            "env": {
                "ANTHROPIC_API_KEY": sandbox.secret("other"),
                "ANTHROPIC_AUTH_TOKEN": "",
                "ANTHROPIC_CUSTOM_HEADERS": "X-Team: blue\nx-api-key: another",
                "CLAUDE_CODE_USE_BEDROCK": "0",
                "CLAUDE_CODE_USE_VERTEX": "1",
                "AWS_PROFILE": "has nothing to do with it",
            },
        }),
    );
    let run = |word: &str| sandbox.dispatcher(&["--profile", "default", "exec", "--", word]).shows_secret().run();
    let output = run("true");
    let lines = said(&output);
    let expected = [
        (2, "apiKeyHelper: Claude Code sends what it prints beside the credential that it is given here"),
        (8, "env.CLAUDE_CODE_USE_VERTEX: Claude Code goes by it to another service"),
        (4, "env.ANTHROPIC_API_KEY: Claude Code takes it beside or instead of"),
        (6, "env.ANTHROPIC_CUSTOM_HEADERS: Claude Code takes it beside or instead of"),
    ];
    let sorted = fs::read_to_string(&file).expect("a file");
    for (_, what) in expected {
        let name = what.split(':').next().and_then(|name| name.split('.').next_back()).expect("a name");
        let number = 1 + sorted.lines().position(|line| line.contains(name)).expect("its line");
        let whole = format!("claude-credential: {}:{number}: {what}", file.display());
        assert!(
            lines.iter().any(|line| line.starts_with(&whole) && line.ends_with("; remove the line")),
            "{output:#?}"
        );
    }
    assert_eq!(lines.len(), expected.len(), "{output:#?}");
    // What reads no settings is not bothered with them.
    assert_eq!(run("printenv").succeeds().code(), Some(0));
}

#[test]
fn a_projects_setting_is_named_as_well() {
    let (sandbox, _fake) = fixture(TOKEN);
    let file = write(&sandbox, "code/.claude/settings.local.json", &json!({ "apiKeyHelper": "vault read" }));
    let output = sandbox.dispatcher(&["exec", "--", "true"]).in_folder(&sandbox.home().join("code")).run();
    assert!(output.exits(0).error_line().contains(&format!("{}:2: apiKeyHelper", file.display())), "{output:#?}");
}

#[test]
fn a_helper_that_gives_the_same_is_not_named_and_ours_with_another_profile_is() {
    let (sandbox, _fake) = fixture(KEY);
    let ours = sandbox.bin("claude-credential");
    let exec = |helper: &str, options: &[&str]| {
        sandbox.settings(&json!({ "apiKeyHelper": helper }));
        sandbox.dispatcher(options).args(["exec", "--", "true"]).run()
    };
    let plain = format!("{} api-key-helper", ours.display());
    for same in [&plain, &format!("'{}' --profile default api-key-helper 2>/dev/null", ours.display())] {
        exec(same, &[]).succeeds();
        exec(same, &["--profile", "default"]).succeeds();
    }
    exec(&format!("{plain} | cat"), &[]).succeeds();
    for (helper, options) in [
        (&plain, &["--profile", "other"][..]),
        (&plain, &["--chain", "acme,api-key"]),
        (&format!("{} --profile other api-key-helper", ours.display()), &[]),
        (&format!("{} demo", ours.display()), &[]),
    ] {
        let output = exec(helper, options);
        assert!(output.exits(0).error_line().contains(":1: apiKeyHelper: "), "{helper}: {output:#?}");
    }
    // The chain ran this very setting.
    let key = sandbox.write("key", sandbox.secret("key-1"));
    sandbox.config("");
    exec(&format!("cat {}", key.display()), &[]).succeeds();
}

#[test]
fn a_token_that_the_helper_must_pass_over_is_not_what_it_gives() {
    let (sandbox, _fake) = fixture(&format!("{TOKEN}\nclaude.header[]=anthropic-beta: oauth-2025-04-20"));
    sandbox
        .settings(&json!({ "apiKeyHelper": format!("{} api-key-helper", sandbox.bin("claude-credential").display()) }));
    let output = sandbox.dispatcher(&["exec", "--", "true"]).run();
    assert!(output.exits(0).error_line().contains("sends what it prints instead of"), "{output:#?}");
}

#[test]
fn of_a_clouds_credential_only_what_the_client_looks_at_there_competes() {
    let (sandbox, _fake) = fixture("claude.kind=aws\nusername=AKIA\npassword=SECRET\nclaude.region=eu-west-1");
    sandbox.settings(&json!({
        "apiKeyHelper": "vault read",
        "awsCredentialExport": "aws-export",
        "env": {"ANTHROPIC_API_KEY": "k", "AWS_PROFILE": "team", "AWS_REGION": "us-east-1", "CLAUDE_CODE_USE_BEDROCK": "1"},
    }));
    let output = sandbox.dispatcher(&["--profile", "default", "exec", "--", "true"]).run();
    let lines = said(&output);
    assert_eq!(lines.len(), 2, "{output:#?}");
    assert!(lines[0].contains("awsCredentialExport: Claude Code signs with what it prints instead of"), "{output:#?}");
    assert!(lines[1].contains("env.AWS_PROFILE: "), "{output:#?}");
    // Ours competes if it asks for another profile.
    for (profile, competes) in [("default", false), ("other", true)] {
        let ours = sandbox.bin("claude-credential");
        let export = format!("{} --profile {profile} print --format sts", ours.display());
        sandbox.settings(&json!({ "awsCredentialExport": export }));
        let output = sandbox.dispatcher(&["--profile", "default", "exec", "--", "true"]).run();
        assert_eq!(said(&output).len(), usize::from(competes), "{output:#?}");
    }
}

#[test]
fn a_cloud_that_the_settings_choose_is_the_one_that_is_asked() {
    let mut sandbox = Sandbox::new();
    let fake = sandbox.fake("bedrock", &prints(&sandbox, TOKEN));
    let (executable, [option, script]) = fake.helper();
    sandbox.script("claude-credential-bedrock", &format!("exec {} {option} {script} \"$@\"", executable.display()));
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("metered"));
    sandbox.settings(&json!({"env": {"CLAUDE_CODE_USE_BEDROCK": "1"}}));
    let output = sandbox.dispatcher(&["exec", "--", "env"]).shows_secret().run();
    let text = &output.succeeds().stdout;
    assert!(text.contains("AWS_BEARER_TOKEN_BEDROCK=") && !text.contains("ANTHROPIC_API_KEY="), "{}", text.len());
    assert_eq!(fake.last("get").expect("a get").get("host"), Some("bedrock-runtime.us-east-1.amazonaws.com"));
}

#[test]
fn where_the_clients_own_login_is_to_win_every_helper_competes() {
    let sandbox = Sandbox::new();
    sandbox.config("[profile.personal]\nchain = [\"login\"]\nclaude_config_dir = \"~/.claude-personal\"\n");
    let login = json!({"claudeAiOauth": {"accessToken": sandbox.secret("login")}});
    sandbox.write(".claude-personal/.credentials.json", login.to_string());
    let helper = format!("{} api-key-helper", sandbox.bin("claude-credential").display());
    let file = write(&sandbox, ".claude-personal/settings.json", &json!({ "apiKeyHelper": helper }));
    let output = sandbox.dispatcher(&["--profile", "personal", "exec", "--", "true"]).run();
    let line = output.exits(0).error_line();
    assert!(line.contains(&format!("{}:2: apiKeyHelper", file.display())), "{output:#?}");
    assert!(line.contains("instead of its own login; "), "{output:#?}");
}

#[track_caller]
fn said(output: &Output) -> Vec<&str> {
    output.exits(0).stderr.lines().collect()
}

/// Each setting on a line of its own.
fn write(sandbox: &Sandbox, path: &str, settings: &Value) -> std::path::PathBuf {
    sandbox.write(path, serde_json::to_string_pretty(settings).expect("JSON"))
}

/// A chain of one helper that answers with these lines, the secret in place of the word; and another profile.
fn fixture(lines: &str) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &prints(&sandbox, lines));
    let chain = "chain = [\"acme\"]\n";
    sandbox.config(&format!("[profile.default]\n{chain}[profile.other]\n{chain}{}", fake.entry()));
    (sandbox, fake)
}

fn prints(sandbox: &Sandbox, lines: &str) -> Script {
    let answer = format!("capability[]=authtype\ncapability[]=claude.v1\n{lines}\n\n");
    Script::new(Does::Prints(answer.replace("SECRET", &sandbox.secret("secret"))))
}
