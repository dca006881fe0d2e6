//! What `setup` refuses, what it says before it writes, and which paths it writes.

use std::fs;

use claude_credential_tests::{Client, Sandbox};
use serde_json::json;

use super::{fixture, set_up, set_up_with, setting, settings, undo, us};

#[test]
fn a_command_that_is_not_there_is_named_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    let output = set_up(&sandbox, "1password", &["reference=op://a/b/c"]);
    let said = output.fails(78);
    assert!(said.contains("op is not on PATH") && said.ends_with("setup --preset 1password"), "{said}");
    assert!(!sandbox.home().join(".claude").exists() && !sandbox.config_file().exists());
}

#[test]
fn without_a_person_everything_has_to_be_said() {
    let sandbox = Sandbox::new();
    sandbox.script("vault", "exit 1");
    let refused =
        |words: &[&str]| sandbox.dispatcher(&[&["--no-input", "setup"], words].concat()).run().fails(78).to_owned();
    assert!(refused(&[]).contains("--preset: api-key, oidc"));
    assert!(refused(&["--preset", "nothing"]).contains("--preset: api-key, oidc"));
    assert!(refused(&["--preset", "vault"]).ends_with("--set path=secret/claude"));
    assert!(refused(&["--preset", "vault", "--stdin"]).ends_with("leave out --stdin"));
    assert!(refused(&["--preset", "vault", "--set", "place=x"]).contains("asks path, field"));
    assert!(refused(&["--preset", "vault", "--set", "path=-x"]).contains("--set path="));
    assert!(
        refused(&["--preset", "cloudflared", "--set", "gateway=http://a.example"])
            .contains("cloudflared is not on PATH")
    );
    let agreed = sandbox.dispatcher(&["--no-input", "setup", "--preset", "vault", "--set", "path=secret/claude"]).run();
    assert!(agreed.exits(78).stderr.ends_with("to agree, add: --yes\n"), "{agreed:#?}");
    assert!(!sandbox.home().join(".claude").exists() && !sandbox.config_file().exists());
    assert!(!sandbox.home().join(".local/share/claude-credential").exists());
}

#[test]
fn somebody_elses_helper_is_written_over_only_where_that_is_said() {
    let sandbox = Sandbox::new();
    sandbox.script("vault", "exit 1");
    let foreign = json!({ "apiKeyHelper": format!("echo {}", sandbox.secret("foreign")), "model": "opus" });
    let file = sandbox.settings(&foreign);
    let output = set_up(&sandbox, "vault", &["path=secret/claude"]);
    let said = output.fails(78);
    assert!(said.contains("`apiKeyHelper`") && said.ends_with("--replace"), "{said}");
    assert_eq!(settings(&sandbox), foreign);
    set_up_with(&sandbox, "vault", &["path=secret/claude"], &["--replace"]).exits(0);
    assert_eq!(setting(&sandbox, "apiKeyHelper"), format!("{} api-key-helper", us(&sandbox)));
    undo(&sandbox).exits(0);
    assert_eq!(fs::read_to_string(file).expect("the file"), foreign.to_string());
}

#[test]
fn before_it_writes_it_says_what_changes_for_the_user() {
    let mut sandbox = Sandbox::new();
    sandbox.script("vault", "exit 1");
    sandbox.write(
        ".claude/.credentials.json",
        json!({ "claudeAiOauth": { "accessToken": sandbox.secret("login") } }).to_string(),
    );
    sandbox.write("project/.claude/settings.json", json!({ "apiKeyHelper": "other" }).to_string());
    sandbox.settings(&json!({ "env": { "ANTHROPIC_AUTH_TOKEN": sandbox.secret("token") } }));
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
    sandbox.set("CLAUDE_CODE_USE_VERTEX", "1");
    let words = ["setup", "--preset", "vault", "--set", "path=secret/claude", "--yes"];
    let output = sandbox.dispatcher(&words).in_folder(&sandbox.home().join("project")).run();
    let said = &output.exits(0).stderr;
    for words in [
        "in every project and session",
        "no longer to your claude.ai subscription",
        "Remote Control, /schedule and the connectors",
        "remove ANTHROPIC_AUTH_TOKEN from `env` in",
        "unset ANTHROPIC_API_KEY",
        "CLAUDE_CODE_USE_VERTEX is set and takes precedence",
        "project/.claude/settings.json sets apiKeyHelper, which takes precedence in that project",
        ", \"apiKeyHelper\": \"",
        "+[entry.vault]",
        "setup --undo",
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    // Into a pipe, without colours.
    assert!(!said.contains('\x1b'), "{said}");
}

#[test]
fn an_executable_behind_a_link_is_named_by_the_link() {
    let sandbox = Sandbox::new();
    let elsewhere = sandbox.folder("versions/1");
    for name in ["claude-credential", "claude-credential-apikey"] {
        fs::rename(sandbox.bin(name), elsewhere.join(name)).expect("a move");
    }
    std::os::unix::fs::symlink(elsewhere.join("claude-credential"), sandbox.bin("claude-credential")).expect("a link");
    sandbox.script("vault", "exit 1");
    set_up(&sandbox, "vault", &["path=secret/claude"]).exits(0);
    assert_eq!(setting(&sandbox, "apiKeyHelper"), format!("{} api-key-helper", us(&sandbox)));
}

#[test]
fn another_configuration_is_written_and_named_in_the_setting() {
    let sandbox = Sandbox::new();
    let key = sandbox.secret("elsewhere");
    sandbox.script("vault", &format!("echo {key}"));
    let config = sandbox.write("my own.toml", "# mine\n");
    let words = ["setup", "--preset", "vault", "--set", "path=secret/claude", "--yes", "--config"];
    sandbox.dispatcher(&words).arg(&config).run().exits(0);
    assert!(fs::read_to_string(&config).expect("it").contains("[entry.vault]") && !sandbox.config_file().exists());
    assert_eq!(Client::new(&sandbox, setting(&sandbox, "apiKeyHelper")).key(), "elsewhere");
}

#[test]
fn a_key_for_a_host_that_the_profile_does_not_list_is_refused_before_anything_is_written() {
    let sandbox = fixture();
    let vault = |sandbox: &Sandbox| set_up(sandbox, "vault", &["path=secret/claude"]);
    sandbox.config("[profile.default]\nhosts = [\"gateway.acme.example\"]\n");
    let output = vault(&sandbox);
    let said = output.fails(78);
    assert!(said.contains("goes to https://api.anthropic.com, which profile default does not list"), "{said}");
    assert!(said.contains("hosts = [\"gateway.acme.example\", \"api.anthropic.com\"]"), "{said}");
    assert!(!sandbox.home().join(".claude").exists());
    // Whoever goes to that host gets its key.
    let gateway = json!({ "env": { "ANTHROPIC_BASE_URL": "https://gateway.acme.example/v1" } });
    sandbox.settings(&gateway);
    vault(&sandbox).exits(0);
    undo(&sandbox).exits(0);
    sandbox.config("");
    let file = sandbox.settings(&gateway);
    let output = vault(&sandbox);
    let said = output.fails(78);
    assert!(said.contains("goes to https://gateway.acme.example, which profile default does not list"), "{said}");
    assert!(said.contains(&format!("remove ANTHROPIC_BASE_URL from `env` in {}", file.display())), "{said}");
    assert_eq!(settings(&sandbox), gateway);
}

#[test]
fn a_host_that_this_shell_alone_names_is_said() {
    let mut sandbox = fixture();
    sandbox.set("ANTHROPIC_BASE_URL", "https://gateway.acme.example");
    let output = set_up(&sandbox, "vault", &["path=secret/claude"]);
    let said = &output.exits(0).stderr;
    assert!(
        said.contains("which profile default does not list") && said.contains("unset ANTHROPIC_BASE_URL"),
        "{said}"
    );
}

#[test]
fn a_key_is_kept_for_the_host_that_claude_code_goes_to() {
    let sandbox = fixture();
    sandbox.config("[profile.default]\nhosts = [\"api.anthropic.com\", \"gateway.acme.example\"]\n");
    sandbox.settings(&json!({ "env": { "ANTHROPIC_BASE_URL": "https://gateway.acme.example" } }));
    let key = sandbox.secret("of-the-gateway");
    let setup = sandbox.dispatcher(&["setup", "--preset", "api-key", "--stdin", "--yes"]);
    setup.says(format!("{key}\n")).run().exits(0);
    let client = Client::new(&sandbox, setting(&sandbox, "apiKeyHelper"));
    assert_eq!(client.with("ANTHROPIC_BASE_URL", "https://gateway.acme.example").key(), "of-the-gateway");
}

#[test]
fn an_empty_value_in_the_settings_hides_the_variable_of_the_shell() {
    let mut sandbox = fixture();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
    sandbox.settings(&json!({ "env": { "ANTHROPIC_API_KEY": "" } }));
    let output = set_up(&sandbox, "vault", &["path=secret/claude"]);
    assert!(!output.exits(0).stderr.contains("ANTHROPIC_API_KEY is set"), "{output:#?}");
}

#[test]
fn what_a_preset_can_t_do_is_said() {
    let sandbox = fixture();
    let output = set_up(&sandbox, "cloudflared", &["gateway=https://gateway.acme.example"]);
    assert!(output.exits(0).stderr.contains("reads the token in cf-access-token"), "{output:#?}");
}
