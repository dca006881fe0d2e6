use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use claude_credential_tests::Sandbox;
use serde_json::json;

use super::{Report, doctor, doctor_in, healthy, replace_executable, with_mount};

#[test]
fn settings_that_can_t_be_read_are_wrong_in_every_scope() {
    let sandbox = healthy();
    let folder = sandbox.folder("clone");
    for file in [".claude/settings.json", "clone/.claude/settings.json", "clone/.claude/settings.local.json"] {
        let path = sandbox.home().join(file);
        let before = fs::read(&path).ok();
        sandbox.write(file, "{\n \"env\": {,}\n}");
        let says = format!("{}:2:", path.display());
        doctor_in(&sandbox, &folder).is_wrong("settings", &says, "mend ");
        match before {
            Some(before) => drop(sandbox.write(file, before)),
            None => fs::remove_file(path).expect("it is there"),
        }
    }
    doctor_in(&sandbox, &folder).is_good(&["settings"]);
    let user = sandbox.home().join(".claude/settings.json");
    fs::set_permissions(&user, Permissions::from_mode(0o602)).expect("its mode");
    let mend = format!("run: chmod go-w {}", user.display());
    doctor(&sandbox).is_wrong("settings", "can be changed by others", &mend);
}

#[test]
fn a_helper_that_is_not_us_is_doubtful() {
    let sandbox = healthy();
    sandbox.settings(&json!({}));
    doctor(&sandbox).is_doubtful("api-key-helper", "have no apiKeyHelper", "run: claude-credential setup");
    let report = setting(&sandbox, "vault read key");
    report.is_doubtful("api-key-helper", "settings.json:1: apiKeyHelper is another command", "setup --replace");
    let report = setting(&sandbox, "claude-credential api-key-helper");
    report.is_doubtful("api-key-helper", "without its path", "write /");
    let bin = sandbox.bin("claude-credential");
    let report = setting(&sandbox, &format!("{} print", bin.display()));
    report.is_doubtful("api-key-helper", "without the word api-key-helper", "api-key-helper");
}

#[test]
fn a_helper_that_can_t_run_or_is_of_another_version_is_wrong() {
    let sandbox = healthy();
    let ours = sandbox.bin("claude-credential").display().to_string();
    let report = setting(&sandbox, "bin/claude-credential api-key-helper");
    report.is_wrong("api-key-helper", "depends on the folder", &format!("write {ours} api-key-helper"));
    let report = setting(&sandbox, "/no/such/claude-credential api-key-helper");
    report.is_wrong("api-key-helper", "which is not there", &format!("write {ours} api-key-helper"));
    let other = sandbox.write("other/claude-credential", "#!/bin/sh\necho claude-credential 0.0.1\n");
    let of_other = format!("{} api-key-helper", other.display());
    let report = setting(&sandbox, &of_other);
    report.is_wrong("api-key-helper", "can't be run", &format!("run: chmod +x {}", other.display()));
    fs::rename(replace_executable(&sandbox, "old-one", "echo claude-credential 0.0.1"), other).expect("a move");
    let report = setting(&sandbox, &of_other);
    report.is_wrong("api-key-helper", "is another claude-credential, version 0.0.1", &format!("write {ours}"));
}

#[test]
fn our_helper_is_known_in_the_dress_that_people_give_it() {
    let sandbox = healthy();
    let folder = sandbox.folder("my tools");
    std::os::unix::fs::symlink(sandbox.bin("claude-credential"), folder.join("claude-credential")).expect("a link");
    for command in [
        "~/'my tools/claude-credential' api-key-helper".to_owned(),
        format!("'{}/claude-credential' api-key-helper", folder.display()),
        "\"$HOME/my tools/claude-credential\" --profile default api-key-helper".to_owned(),
        format!("timeout 20 {} api-key-helper", sandbox.bin("claude-credential").display()),
    ] {
        setting(&sandbox, &command).is_good(&["api-key-helper"]);
    }
}

#[test]
fn a_project_s_own_helper_is_doubtful() {
    let sandbox = healthy();
    let folder = sandbox.folder("clone");
    let below = sandbox.folder("clone/src");
    for file in ["clone/.claude/settings.json", "clone/.claude/settings.local.json"] {
        let file = sandbox.write(file, json!({ "apiKeyHelper": "echo key" }).to_string());
        let mend = format!("remove apiKeyHelper from {}", file.display());
        doctor_in(&sandbox, &folder).is_doubtful("project", "an apiKeyHelper of its own", &mend);
        doctor(&sandbox).is_good(&["project", "api-key-helper"]);
        // Claude Code does not look for them further up.
        doctor_in(&sandbox, &below).is_good(&["project", "api-key-helper"]);
        fs::remove_file(file).expect("it is there");
    }
}

#[test]
fn what_an_administrator_forbids_is_seen() {
    let sandbox = healthy();
    let etc = sandbox.folder("etc");
    let managed = |settings: &serde_json::Value| {
        sandbox.write("etc/claude-code/managed-settings.json", settings.to_string());
        with_mount(&sandbox, "managed settings", &etc, "/etc").map(Report::of)
    };
    let Some(report) = managed(&json!({})) else { return };
    report.is_good(&["managed"]);
    let with = |settings: &serde_json::Value| managed(settings).expect("it was possible before");
    for setting in ["forceLoginMethod", "forceLoginOrgUUID"] {
        let says = format!("/etc/claude-code/managed-settings.json:1: {setting} keeps Claude Code from starting");
        with(&json!({ setting: "claudeai" })).is_wrong("managed", &says, "ask your administrator");
    }
    let report = with(&json!({ "apiKeyHelper": "echo key" }));
    report.is_doubtful("managed", "its apiKeyHelper wins", "remove apiKeyHelper from");
    report.is_doubtful("api-key-helper", "managed-settings.json:1: apiKeyHelper is another command", "setup");
    sandbox.settings(&json!({}));
    let report = with(&json!({ "forceLoginMethod": "claudeai" }));
    report.is_doubtful("managed", "forbids Claude Code with an apiKeyHelper", "ask your administrator");
}

#[test]
fn two_credentials_in_one_request_are_wrong() {
    let key = "ANTHROPIC_API_KEY";
    let token = "ANTHROPIC_AUTH_TOKEN";
    let mut sandbox = healthy();
    sandbox.config("[profile.default]\nchain = [\"acme\"]\n[entry.acme]\nshell = \"echo key\"\n");
    for (name, says) in [
        (key, "sends ANTHROPIC_API_KEY as x-api-key and the helper's key as Authorization: two credentials"),
        (token, "sends ANTHROPIC_AUTH_TOKEN as Authorization and the helper's key as x-api-key: two credentials"),
    ] {
        sandbox.set(name, sandbox.secret(name));
        doctor(&sandbox).is_wrong("credentials", says, &format!("run: unset {name}"));
        sandbox.unset(name);
    }
    let helper = format!("{} api-key-helper", sandbox.bin("claude-credential").display());
    let env = json!({ key: sandbox.secret("in-settings") });
    sandbox.settings(&json!({ "apiKeyHelper": helper, "env": env }));
    let mend = format!("remove {key} from `env` in {}", sandbox.home().join(".claude/settings.json").display());
    doctor(&sandbox).is_wrong("credentials", "two credentials", &mend);
    sandbox.settings(&json!({}));
    sandbox.set(key, sandbox.secret("key"));
    doctor(&sandbox).is_good(&["credentials"]);
    sandbox.set(token, sandbox.secret("token"));
    doctor(&sandbox).is_wrong("credentials", "two credentials", &format!("run: unset {key}"));
    sandbox.set("CLAUDE_CODE_USE_BEDROCK", "1");
    doctor(&sandbox).is_good(&["credentials", "api-key-helper"]);
}

#[test]
fn one_credential_in_both_headers_is_doubtful() {
    let mut sandbox = healthy();
    for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"] {
        sandbox.set(name, sandbox.secret(name));
        let mend = format!("run: unset {name}");
        doctor(&sandbox).is_doubtful("credentials", "what the helper prints is the same", &mend);
        sandbox.unset(name);
    }
}

#[test]
fn an_empty_value_of_a_project_hides_what_is_set_further_out_for_doctor_and_explain_alike() {
    let mut sandbox = healthy();
    let key = "ANTHROPIC_API_KEY";
    sandbox.set(key, sandbox.secret("key"));
    let folder = sandbox.folder("clone");
    let project = |settings: &serde_json::Value| {
        sandbox.write("clone/.claude/settings.json", settings.to_string());
        let explain = sandbox.dispatcher(&["explain", "--json"]).in_folder(&folder).run();
        let explained: serde_json::Value = serde_json::from_str(&explain.stdout).expect("JSON");
        (doctor_in(&sandbox, &folder), explained["client"].clone())
    };
    let (report, client) = project(&json!({}));
    report.is_good(&["api-key-helper"]);
    report.is_doubtful("credentials", "sends it twice", "run: unset");
    assert_eq!(
        (&client["authorization"]["source"], &client["x_api_key"]["source"]),
        (&json!("apiKeyHelper"), &json!(key))
    );
    let (report, client) = project(&json!({ "apiKeyHelper": "" }));
    report.is_doubtful(
        "api-key-helper",
        "clone/.claude/settings.json:1: apiKeyHelper is empty",
        "remove apiKeyHelper from",
    );
    assert!(client["authorization"].is_null() && client["x_api_key"]["source"] == key, "{client:#}");
    let (report, client) = project(&json!({ "env": { key: "" } }));
    report.is_good(&["api-key-helper", "credentials"]);
    assert_eq!(
        (&client["authorization"]["source"], &client["x_api_key"]["source"]),
        (&json!("apiKeyHelper"), &json!("apiKeyHelper"))
    );
}

fn setting(sandbox: &Sandbox, command: &str) -> Report {
    sandbox.settings(&json!({ "apiKeyHelper": command }));
    doctor(sandbox)
}

#[test]
fn the_only_key_is_not_taken_away() {
    let mut sandbox = healthy();
    sandbox.dispatcher(&["logout", "api-key"]).run().exits(0);
    sandbox.config("[profile.default]\nchain = [\"auth-token\", \"api-key\"]\n");
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key"));
    let mend = "keep the key first, run: claude-credential login api-key; then run: unset ANTHROPIC_API_KEY";
    doctor(&sandbox).is_doubtful("credentials", "sends it twice", mend);
    sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("key")).run().exits(0);
    doctor(&sandbox).is_doubtful("credentials", "sends it twice", "run: unset ANTHROPIC_API_KEY");
    sandbox.unset("ANTHROPIC_API_KEY");
    sandbox.dispatcher(&["logout", "api-key"]).run().exits(0);
    sandbox.set("ANTHROPIC_AUTH_TOKEN", sandbox.secret("token"));
    doctor(&sandbox).is_doubtful("credentials", "sends it twice", "remove apiKeyHelper");
}
