//! What `setup` writes into a settings file, and that `--undo` leaves every byte as it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use claude_credential_tests::{Output, Sandbox};
use serde_json::json;

use super::{fixture, undo};

/// Settings files as people have them; `KEY` is a secret.
const FILES: [(&str, &str); 24] = [
    ("usual", "{\n  \"model\": \"opus\",\n  \"permissions\": {\n    \"allow\": [\"Bash(ls:*)\"]\n  }\n}\n"),
    ("no final newline", "{\n  \"model\": \"opus\"\n}"),
    ("no object yet", "{}"),
    ("an object of one line", "{\"model\":\"opus\",\"a\":1}"),
    ("blanks alone", " \n\t\n"),
    ("tabs", "{\n\t\"model\": \"opus\",\n\t\"env\": {\n\t\t\"A\": \"1\"\n\t}\n}\n"),
    ("four blanks", "{\n    \"env\": {\n        \"A\": \"1\"\n    }\n}\n"),
    ("CRLF", "{\r\n  \"model\": \"opus\",\r\n  \"x\": 1\r\n}\r\n"),
    ("CRLF and LF", "{\r\n  \"model\": \"opus\",\n  \"x\": 1\r\n}\n\r\n"),
    ("a mark of UTF-8 in front", "\u{FEFF}{\n  \"model\": \"opus\"\n}\n"),
    ("unicode", "{\n  \"süß\": \"日本語 🦀 \\u00e9 \\ud83d\\ude00\",\n  \"\\u0061b\": \"x\"\n}\n"),
    ("line comments", "// top\n{\n  // before\n  \"model\": \"opus\", // beside\n  // after\n}\n// end\n"),
    ("block comments", "/* top */ {\n  /* a\n     b */ \"model\": /* c */ \"opus\" /* d */\n} /* end */"),
    ("a comment alone", "// nothing yet\n"),
    ("a comma at the end", "{\n  \"a\": 1,\n  \"b\": [1, 2,],\n}\n"),
    ("unknown keys, deep", "{\"a\":{\"b\":{\"c\":[{\"d\":null},[[]],{}]}},\"z\":{\"env\":{\"apiKeyHelper\":\"x\"}}}\n"),
    ("odd numbers", "{\n  \"a\": 1.50e+3,\n  \"b\": -0,\n  \"c\": 12345678901234567890\n}\n"),
    ("odd blanks", "{ \"a\"  :1 ,\n\n\n\"b\":\t2   }\n\n\n"),
    ("env in one line", "{\"env\":{\"A\":\"1\"},\"model\":\"opus\"}"),
    ("env that is empty", "{\n  \"env\": {}\n}\n"),
    ("a secret in env", "{\n  \"env\": {\n    \"ANTHROPIC_CUSTOM_HEADERS\": \"KEY\"\n  } // KEY\n}\n"),
    ("our own helper, another one", "{\n  \"apiKeyHelper\": \"/old/claude-credential api-key-helper\"\n}\n"),
    ("an empty helper", "{\n  \"apiKeyHelper\": \"\",\n  \"a\": 1\n}\n"),
    ("a helper before others", "{ \"apiKeyHelper\" : \"claude-credential print\" /* ours */ , \"b\": 2 }"),
];

#[test]
fn setup_and_undo_leave_every_byte_as_it_was() {
    for (name, text) in FILES {
        for preset in [&VAULT[..], &GATEWAY[..]] {
            let fixture = fixture();
            let text = text.replace("KEY", &fixture.secret("header"));
            let file = fixture.write(".claude/settings.json", &text);
            let output = setup(&fixture, preset);
            assert_eq!(output.code(), Some(0), "{name}: {output:#?}");
            let edited = fs::read_to_string(&file).expect("the file");
            assert!(edited.contains(&ours(&fixture)), "{name}: {edited}");
            // All that was there is there still, in its order.
            let text_before = text.replace("\"/old/claude-credential api-key-helper\"", "").replace("\"\"", "");
            let mut rest = edited.chars();
            let is_kept = text_before.replace("\"claude-credential print\"", "").chars().all(|c| rest.any(|d| c == d));
            assert!(is_kept, "{name}: {edited}");
            assert_eq!(edited.contains('\r') && !edited.replace("\r\n", "").contains('\n'), name == "CRLF", "{name}");
            undo(&fixture).exits(0);
            assert_eq!(fs::read(&file).expect("the file"), text.as_bytes(), "{name}");
            assert!(!fixture.config_file().exists(), "{name}");
            assert!(!fixture.home().join(".local/share/claude-credential/setup").exists(), "{name}");
        }
    }
}

#[test]
fn where_there_was_no_file_there_is_none_afterwards_and_no_folder() {
    let fixture = fixture();
    setup(&fixture, &VAULT).exits(0);
    let file = fixture.home().join(".claude/settings.json");
    let settings: serde_json::Value = serde_json::from_slice(&fs::read(&file).expect("the file")).expect("JSON");
    assert_eq!(settings, json!({ "apiKeyHelper": ours(&fixture) }));
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&fixture.config_file()), 0o600);
    undo(&fixture).exits(0);
    assert!(!fixture.home().join(".claude").exists() && !fixture.config_file().exists());
}

#[test]
fn an_empty_file_is_empty_afterwards() {
    let fixture = fixture();
    let file = fixture.write(".claude/settings.json", "");
    setup(&fixture, &VAULT).exits(0);
    undo(&fixture).exits(0);
    assert_eq!(fs::read(&file).expect("the file"), b"");
}

#[test]
fn behind_links_the_target_is_edited_with_its_mode() {
    let fixture = fixture();
    let text = "{\n  \"model\": \"opus\"\n}\n";
    let target = fixture.write("dotfiles/claude.json", text);
    fs::set_permissions(&target, Permissions::from_mode(0o640)).expect("its mode");
    let link = fixture.folder(".claude").join("settings.json");
    symlink("../dotfiles/link.json", &link).expect("a link");
    symlink("claude.json", fixture.home().join("dotfiles/link.json")).expect("a link");
    setup(&fixture, &VAULT).exits(0);
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
    assert!(fs::read_to_string(&target).expect("the target").contains(&ours(&fixture)));
    assert_eq!(mode(&target), 0o640);
    undo(&fixture).exits(0);
    assert_eq!((fs::read_to_string(&target).expect("the target").as_str(), mode(&target)), (text, 0o640));
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
}

#[test]
fn a_link_to_nothing_yet_is_followed_too() {
    let fixture = fixture();
    let folder = fixture.folder("dotfiles");
    let link = fixture.folder(".claude").join("settings.json");
    symlink("../dotfiles/claude.json", &link).expect("a link");
    setup(&fixture, &VAULT).exits(0);
    assert!(fs::read_to_string(folder.join("claude.json")).expect("it").contains(&ours(&fixture)));
    undo(&fixture).exits(0);
    assert!(!folder.join("claude.json").exists() && fs::symlink_metadata(&link).is_ok());
}

#[test]
fn the_folder_that_claude_code_is_told_of_is_the_one() {
    let mut fixture = fixture();
    let folder = fixture.home().join("another");
    fixture.set("CLAUDE_CONFIG_DIR", &folder);
    setup(&fixture, &VAULT).exits(0);
    assert!(folder.join("settings.json").exists() && !fixture.home().join(".claude").exists());
    undo(&fixture).exits(0);
    assert!(!folder.exists());
}

#[test]
fn what_can_t_be_edited_is_refused_with_what_mends_it_and_stays() {
    for (name, text, says) in [
        ("malformed", "{\n  \"model\": opus,\n}\n", "settings.json:2:12: not valid JSON"),
        ("half", "{\n  \"model\": \"KEY", "settings.json:2:12"),
        ("a list", "[\"KEY\"]", "something other than an object"),
        ("a number for env", "{\"env\": 1}", "`env` is not an object"),
        ("twice", "{\"apiKeyHelper\": \"KEY\", \"apiKeyHelper\": \"b\"}", "set twice"),
    ] {
        let fixture = fixture();
        let text = text.replace("KEY", &fixture.secret("setting"));
        let file = fixture.write(".claude/settings.json", &text);
        let output = setup(&fixture, &GATEWAY);
        assert!(output.fails(78).contains(says), "{name}: {output:#?}");
        assert_eq!(fs::read_to_string(&file).expect("the file"), text, "{name}");
        assert!(!fixture.config_file().exists(), "{name}");
    }
    let fixture = fixture();
    let file = fixture.write(".claude/settings.json", [b'{', 0xFF, b'}']);
    assert!(setup(&fixture, &VAULT).fails(78).contains("not UTF-8"));
    fs::write(&file, "{}").expect("the file");
    fs::set_permissions(&file, Permissions::from_mode(0o444)).expect("its mode");
    let read_only = setup(&fixture, &VAULT);
    assert!(read_only.exits(78).stderr.ends_with(&format!("chmod u+w {}\n", file.display())), "{read_only:#?}");
    assert_eq!((fs::read(&file).expect("the file"), mode(&file)), (b"{}".to_vec(), 0o444));
    fs::set_permissions(&file, Permissions::from_mode(0o666)).expect("its mode");
    assert!(setup(&fixture, &VAULT).fails(78).contains("chmod go-w"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
    fs::hard_link(&file, fixture.home().join("other name")).expect("a link");
    assert!(setup(&fixture, &VAULT).exits(78).stderr.contains("another name"));
}

#[test]
fn a_folder_that_can_t_be_written_leaves_both_files_as_they_were() {
    let fixture = fixture();
    let file = fixture.write(".claude/settings.json", "{}");
    fixture.give_to(65534);
    fs::set_permissions(fixture.home().join(".claude"), Permissions::from_mode(0o500)).expect("its mode");
    let Some(setpriv) = claude_credential_tests::tool("setpriv") else {
        return claude_credential_tests::skip("a folder of another user", "no setpriv");
    };
    let words = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let call = fixture.call(setpriv, &words).arg(fixture.bin("claude-credential")).args(VAULT);
    let output = call.args(["--yes"]).run();
    let said = output.exits(78).stderr.lines().last().unwrap_or_default();
    assert!(said.ends_with(&format!("; run: chmod u+rwx {}", fixture.home().join(".claude").display())), "{output:#?}");
    assert_eq!(fs::read(&file).expect("the file"), b"{}");
    fs::set_permissions(fixture.home().join(".claude"), Permissions::from_mode(0o700)).expect("its mode");
}

#[test]
fn what_somebody_changed_since_stays_and_is_named() {
    let fixture = fixture();
    let file = fixture.write(".claude/settings.json", "{\n  \"model\": \"opus\"\n}\n");
    setup(&fixture, &GATEWAY).exits(0);
    // As the client writes it: whole, and with a value more.
    let mut settings: serde_json::Value = serde_json::from_slice(&fs::read(&file).expect("it")).expect("JSON");
    settings["theme"] = json!("dark");
    fs::write(&file, serde_json::to_string_pretty(&settings).expect("JSON")).expect("it");
    let output = undo(&fixture);
    assert!(
        output
            .exits(0)
            .stderr
            .contains("settings.json was changed since setup wrote it; only what setup wrote is undone"),
        "{output:#?}"
    );
    let now: serde_json::Value = serde_json::from_slice(&fs::read(&file).expect("it")).expect("JSON");
    assert_eq!(now, json!({ "model": "opus", "theme": "dark" }));
}

#[test]
fn a_value_that_somebody_else_put_in_place_of_ours_is_left_unless_told_otherwise() {
    let fixture = fixture();
    let text = "{\n  \"model\": \"opus\"\n}\n";
    let file = fixture.write(".claude/settings.json", text);
    setup(&fixture, &VAULT).exits(0);
    let foreign = json!({ "apiKeyHelper": format!("echo {}", fixture.secret("foreign")) }).to_string();
    fs::write(&file, &foreign).expect("it");
    fixture.write(".claude/settings.json", &foreign);
    let output = undo(&fixture);
    let said = output.exits(78).stderr.lines().last().unwrap_or_default();
    assert!(said.contains("`apiKeyHelper`") && said.ends_with("--undo --replace"), "{output:#?}");
    assert_eq!(fs::read_to_string(&file).expect("it"), foreign);
    fixture.dispatcher(&["setup", "--undo", "--yes", "--replace"]).run().exits(0);
    assert_eq!(fs::read_to_string(&file).expect("it"), text);
}

#[test]
fn a_value_before_that_was_no_text_is_put_back_as_it_stood() {
    for before in ["1.50e+3", "null", "[\"a\", /* b */ {}]"] {
        let fixture = fixture();
        let file = fixture.write(".claude/settings.json", format!("{{\n  \"apiKeyHelper\": {before}\n}}\n"));
        setup(&fixture, &[&VAULT[..], &["--replace"]].concat()).exits(0);
        // A line more, so that what is ours is taken out of what is there.
        let edited = fs::read_to_string(&file).expect("it").replace("{\n", "{\n  \"theme\": \"dark\",\n");
        fs::write(&file, edited).expect("it");
        undo(&fixture).exits(0);
        let expected = format!("{{\n  \"theme\": \"dark\",\n  \"apiKeyHelper\": {before}\n}}\n");
        assert_eq!(fs::read_to_string(&file).expect("it"), expected);
    }
}

/// A preset that writes one setting, and one that writes two in two places.
pub(crate) const VAULT: [&str; 5] = ["setup", "--preset", "vault", "--set", "path=secret/claude"];
pub(crate) const GATEWAY: [&str; 5] =
    ["setup", "--preset", "cloudflared", "--set", "gateway=https://gateway.acme.example"];

pub(crate) fn setup(fixture: &Sandbox, words: &[&str]) -> Output {
    fixture.dispatcher(words).arg("--yes").run()
}

/// What the setting begins with.
fn ours(fixture: &Sandbox) -> String {
    let program: PathBuf = fixture.bin("claude-credential");
    let settings = fs::read_to_string(fixture.config_file()).unwrap_or_default();
    let profile = if settings.contains("[profile.cloudflared]") { " --profile cloudflared" } else { "" };
    format!("{}{profile} api-key-helper", program.display())
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).expect("a file").mode() & 0o7777
}
