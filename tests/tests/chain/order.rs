//! Which source answers, and what stops the chain.

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Client, Output, Sandbox};
use serde_json::json;

#[test]
fn an_auth_token_comes_before_an_oauth_token() {
    first_of(auth_token, oauth_token);
}

#[test]
fn an_oauth_token_comes_before_one_on_a_descriptor() {
    first_of(oauth_token, oauth_descriptor);
}

#[test]
fn a_descriptor_comes_before_the_helper_of_the_settings() {
    first_of(oauth_descriptor, api_key_helper);
}

#[test]
fn the_helper_of_the_settings_comes_before_the_login() {
    first_of(api_key_helper, login);
}

#[test]
fn the_login_comes_before_an_api_key() {
    first_of(login, api_key);
}

#[test]
fn an_api_key_in_a_variable_comes_before_one_on_a_descriptor_and_that_before_one_that_is_kept() {
    let mut sandbox = Sandbox::new();
    sandbox.config("key_store = \"file\"\n");
    sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run().exits(0);
    assert_eq!(sandbox.print().run().key(), "kept");
    sandbox.write("token", sandbox.secret("descriptor"));
    sandbox.set("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", "9");
    assert_eq!(print(&sandbox).key(), "descriptor");
    api_key(&mut sandbox);
    assert_eq!(print(&sandbox).key(), "api-key");
}

#[test]
fn without_any_source_print_exits_1_and_says_what_each_said() {
    let output = Sandbox::new().dispatcher(&["print"]).run();
    assert_eq!(output.exits(1).stdout, "");
    for entry in ["auth-token", "oauth-token", "oauth-fd", "api-key-helper", "login", "api-key"] {
        assert!(output.stderr.contains(entry), "{entry} is not in: {}", output.stderr);
    }
    assert!(output.stderr.starts_with("claude-credential: "), "{}", output.stderr);
}

#[test]
fn an_empty_variable_is_no_source() {
    let mut sandbox = Sandbox::new();
    for name in ["ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"] {
        sandbox.set(name, "");
    }
    api_key(&mut sandbox);
    assert_eq!(sandbox.print().run().key(), "api-key");
}

#[test]
fn a_closed_descriptor_is_no_source() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", "9");
    api_key(&mut sandbox);
    assert_eq!(sandbox.print().run().key(), "api-key");
}

#[test]
fn a_stored_login_is_not_handed_out_unless_the_user_said_so() {
    let mut sandbox = Sandbox::new();
    login(&mut sandbox);
    sandbox.config("");
    api_key(&mut sandbox);
    assert_eq!(sandbox.print().run().key(), "api-key");
}

#[test]
fn a_blank_or_expired_login_is_none() {
    let mut sandbox = Sandbox::new();
    api_key(&mut sandbox);
    login(&mut sandbox);
    assert_eq!(sandbox.print().run().key(), "login");
    let token = sandbox.secret("login");
    let scopes = json!(["user:inference"]);
    for oauth in [
        json!({"accessToken": "", "refreshToken": "", "expiresAt": 0, "scopes": scopes}),
        json!({"accessToken": token, "expiresAt": 1_000, "scopes": scopes}),
        json!({"accessToken": token, "expiresAt": FAR, "scopes": ["user:profile"]}),
    ] {
        sandbox.write(".claude/.credentials.json", json!({ "claudeAiOauth": oauth }).to_string());
        assert_eq!(sandbox.print().run().key(), "api-key", "{oauth}");
    }
}

#[test]
fn the_first_entry_that_answers_wins_and_the_rest_is_not_asked() {
    let sandbox = Sandbox::new();
    let empty = sandbox.fake("empty", &Script::none());
    let first = sandbox.fake("first", &Script::secrets(sandbox.keys(1)));
    let last = sandbox.fake("last", &Script::secrets([sandbox.secret("last")]));
    sandbox.chain(&[&empty, &first, &last]);
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!((empty.runs(), first.runs(), last.runs()), (1, 1, 0));
}

#[test]
fn a_failing_entry_stops_the_chain_with_its_class_and_its_line() {
    for (code, expected) in [(65, 65), (75, 75), (77, 77), (78, 78), (2, 78), (70, 70), (1, 70), (101, 70), (126, 70)] {
        let sandbox = Sandbox::new();
        let failing = sandbox.fake("failing", &Script::failure(code, "the reason; run: mend it"));
        let next = sandbox.fake("next", &Script::secrets(sandbox.keys(1)));
        sandbox.chain(&[&failing, &next]);
        let output = sandbox.dispatcher(&["print"]).run();
        let said = output.fails(expected);
        assert!(said.starts_with("claude-credential: ") && said.contains("failing"), "{said}");
        assert!(said.contains("the reason; run: mend it"), "{said}");
        assert_eq!((failing.runs(), next.runs()), (1, 0), "exit {code}");
    }
}

#[test]
fn an_entry_may_say_that_its_failure_lets_the_chain_go_on() {
    let sandbox = Sandbox::new();
    let failing = sandbox.fake("failing", &Script::failure(77, "sign in"));
    let next = sandbox.fake("next", &Script::secrets(sandbox.keys(1)));
    let entries = failing.entry_with("on_error = \"next\"") + &next.entry();
    sandbox.config(&format!("[profile.default]\nchain = [\"failing\", \"next\"]\n\n{entries}"));
    assert_eq!(sandbox.print().run().printed_key(), "key-1");
}

#[test]
fn a_helper_of_the_user_that_is_missing_is_an_error_that_names_file_and_line() {
    let sandbox = Sandbox::new();
    let config = sandbox.config("[profile.default]\nchain = [\"gone\"]\n\n[entry.gone]\nhelper = \"gone\"\n");
    let output = sandbox.dispatcher(&["print"]).with("ANTHROPIC_API_KEY", sandbox.secret("api-key")).run();
    let said = output.fails(78);
    assert!(said.contains("claude-credential-gone"), "{said}");
    assert!(said.contains(&format!("{}:", config.display())), "{said}");
}

#[test]
fn a_built_in_entry_whose_helper_is_not_installed_is_skipped() {
    let sandbox = Sandbox::with_executables(&["claude-credential", "claude-credential-apikey"]);
    let print = sandbox.print().with("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("oauth"));
    assert_eq!(print.with("ANTHROPIC_API_KEY", sandbox.secret("api-key")).run().key(), "api-key");
}

#[test]
fn a_helper_beside_our_own_executable_comes_before_one_on_the_path() {
    let mut sandbox = Sandbox::new();
    let planted = sandbox.folder("planted");
    let script = sandbox.script("planted-helper", "echo ran >>\"$HOME/planted.log\"");
    std::fs::rename(script, planted.join("claude-credential-apikey")).expect("a planted helper");
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", planted.display()));
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    assert_eq!(sandbox.print().run().key(), "api-key");
    assert!(!sandbox.home().join("planted.log").exists());
}

#[test]
fn a_helper_in_the_working_directory_is_not_run() {
    let sandbox = Sandbox::with_executables(&["claude-credential"]);
    let here = sandbox.folder("clone");
    let script = sandbox.script("planted-helper", "echo ran >>\"$HOME/planted.log\"");
    std::fs::rename(script, here.join("claude-credential-planted")).expect("a planted helper");
    sandbox.config("[profile.default]\nchain = [\"planted\"]\n\n[entry.planted]\nhelper = \"planted\"\n");
    for path in [":/usr/bin:/bin", ".:/usr/bin:/bin", "/usr/bin:/bin:", "../clone:/bin"] {
        sandbox.dispatcher(&["print"]).with("PATH", path).in_folder(&here).run().fails(78);
    }
    assert!(!sandbox.home().join("planted.log").exists());
}

#[test]
fn a_setting_that_names_us_is_skipped() {
    let sandbox = Sandbox::new();
    let us = sandbox.bin("claude-credential").display().to_string();
    for setting in [
        format!("{us} api-key-helper"),
        "claude-credential api-key-helper".to_owned(),
        format!("exec {us} api-key-helper"),
        format!("timeout 20 {us} api-key-helper"),
        format!("{us} print --profile default"),
    ] {
        skips(&sandbox, &setting);
    }
}

#[test]
fn a_setting_that_leads_to_us_through_scripts_is_skipped_however_deep() {
    let sandbox = Sandbox::new();
    let us = sandbox.bin("claude-credential").display().to_string();
    sandbox.script("one", &format!("{us} api-key-helper"));
    sandbox.script("two", "key=$(one) || exit\necho \"$key\"");
    sandbox.script("three", "two | cat");
    sandbox.script("four", "(setsid timeout 20 nice three)");
    for setting in ["one", "two", "three", "four"] {
        skips(&sandbox, setting);
    }
}

#[test]
fn a_chain_that_calls_itself_is_an_error_and_not_a_hang() {
    let sandbox = Sandbox::new();
    let us = sandbox.bin("claude-credential").display().to_string();
    sandbox.config(&format!("[profile.default]\nchain = [\"loop\"]\n\n[entry.loop]\ncommand = [{us:?}, \"print\"]\n"));
    let output = sandbox.dispatcher(&["print"]).run();
    assert!(output.code().is_some_and(|code| code > 1), "{output:#?}");
    assert!(output.error_line().contains("loop"), "{output:#?}");
}

#[test]
fn a_profile_with_a_folder_of_claude_codes_gives_the_login_in_there_and_no_other() {
    let mut sandbox = Sandbox::new();
    login(&mut sandbox);
    sandbox.config("[claude]\nlogin = \"read\"\n[profile.personal]\nclaude_config_dir = \"~/.claude-personal\"\n");
    let personal = || sandbox.print().args(["--profile", "personal"]);
    personal().run().fails(1);
    let stored = |name| json!({ "accessToken": name, "expiresAt": FAR, "scopes": ["user:inference"] });
    let file = json!({ "claudeAiOauth": stored(sandbox.secret("personal")) }).to_string();
    sandbox.write(".claude-personal/.credentials.json", file);
    assert_eq!(personal().run().key(), "personal");
    assert_eq!(sandbox.print().run().key(), "login");
    let status = sandbox.dispatcher(&["--profile", "personal", "status", "claude"]).run();
    let said = &status.succeeds().stdout;
    assert!(said.contains(".claude-personal/.credentials.json") && said.contains("; handed out"), "{said}");
}

/// In 2100, in milliseconds.
const FAR: u64 = 4_102_444_800_000;

fn auth_token(sandbox: &mut Sandbox) -> &'static str {
    sandbox.set("ANTHROPIC_AUTH_TOKEN", sandbox.secret("auth-token"));
    "auth-token"
}

fn oauth_token(sandbox: &mut Sandbox) -> &'static str {
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("oauth-token"));
    "oauth-token"
}

fn oauth_descriptor(sandbox: &mut Sandbox) -> &'static str {
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", "9");
    sandbox.write("token", sandbox.secret("oauth-fd"));
    "oauth-fd"
}

fn api_key_helper(sandbox: &mut Sandbox) -> &'static str {
    let key = sandbox.write("helper-key", sandbox.secret("api-key-helper"));
    sandbox.settings(&json!({ "apiKeyHelper": format!("cat {}", key.display()) }));
    "api-key-helper"
}

fn login(sandbox: &mut Sandbox) -> &'static str {
    sandbox.config("[claude]\nlogin = \"read\"\n");
    let oauth = json!({
        "accessToken": sandbox.secret("login"),
        "refreshToken": sandbox.secret("refresh"),
        "expiresAt": FAR,
        "scopes": ["user:inference", "user:profile"],
    });
    sandbox.write(".claude/.credentials.json", json!({ "claudeAiOauth": oauth }).to_string());
    "login"
}

fn api_key(sandbox: &mut Sandbox) -> &'static str {
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("api-key"));
    "api-key"
}

/// Both are there, and `first` answers; `second` would have, too.
fn first_of(first: fn(&mut Sandbox) -> &'static str, second: fn(&mut Sandbox) -> &'static str) {
    let mut sandbox = Sandbox::new();
    let name = second(&mut sandbox);
    assert_eq!(print(&sandbox).key(), name);
    let name = first(&mut sandbox);
    assert_eq!(print(&sandbox).key(), name);
}

/// With the file `token` on descriptor 9, if it is there.
fn print(sandbox: &Sandbox) -> Output {
    let command = "[ ! -e token ] || exec 9<token; exec claude-credential print";
    sandbox.call("/bin/sh", &["-c", command]).shows_secret().run()
}

/// The setting is passed over and the API key answers, whoever asks.
fn skips(sandbox: &Sandbox, setting: &str) {
    sandbox.settings(&json!({ "apiKeyHelper": setting }));
    let key = sandbox.secret("api-key");
    let output = sandbox.print().with("ANTHROPIC_API_KEY", &key).run();
    assert!(output.stderr.is_empty(), "{setting}: {output:#?}");
    assert_eq!(output.key(), "api-key", "{setting}");
    let client = Client::usual(sandbox).with("ANTHROPIC_API_KEY", &key);
    assert_eq!(client.key(), "api-key", "{setting}");
    // Without another source there is none, and no setting is run for ever.
    let output = sandbox.dispatcher(&["print"]).run();
    assert_eq!(output.exits(1).stdout, "", "{setting}");
}

#[test]
fn answers_are_never_merged() {
    let sandbox = Sandbox::new();
    let half =
        sandbox.fake("half", &Script::new(Does::Prints("username=alice\npassword_expiry_utc=4102444800\n\n".into())));
    let whole = sandbox.fake("whole", &Script::secrets(sandbox.keys(1)));
    sandbox.chain(&[&half, &whole]);
    let output = sandbox.dispatcher(&["print", "--format", "json"]).shows_secret().run();
    if output.code() == Some(0) {
        assert!(!output.stdout.contains("alice") && !output.stdout.contains("2100"), "{output:#?}");
    } else {
        assert_eq!(output.stdout, "");
    }
}
