//! `explain`: it says what `print` does, why, and what Claude Code itself would send.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use claude_credential_tests::document::{blocks, steps};
use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Fake, Input, Output, Sandbox, skip, tool, workspace};
use serde_json::{Value, json};

/// What `print --verbose` says of its answer: entry and, where somebody was asked, the source.
#[derive(Debug, PartialEq, Eq)]
struct Answered {
    entry: String,
    source: Option<String>,
    cached: bool,
}

#[test]
fn explain_and_print_agree_in_every_scenario() {
    let scenarios = workspace().join("tests/scenarios");
    let mut compared = 0;
    for folder in fs::read_dir(scenarios).expect("the scenarios").flatten().map(|entry| entry.path()) {
        let Ok(readme) = fs::read_to_string(folder.join("README.md")) else { continue };
        let sandbox = Sandbox::new();
        copy(&folder.join("home"), &sandbox.home());
        for block in blocks(&readme).iter().filter(|block| block.tag == "console") {
            for step in steps(&block.text) {
                let words = |word: &str| {
                    let words = step.command.replace("--format header", "");
                    let words = words.replace("claude-credential print", &format!("claude-credential {word}"));
                    let client =
                        if word == "explain --json" { "explain --json --for-client" } else { "api-key-helper -v" };
                    words.replace("claude-credential api-key-helper", &format!("claude-credential {client}"))
                };
                if words("x") == step.command {
                    sandbox.call("/bin/sh", &["-c", &step.command]).shows_secret().run();
                    continue;
                }
                let run = |word: &str| sandbox.call("/bin/sh", &["-c", &words(word)]).shows_secret().run();
                // Before anything is kept, and after.
                let before = run("explain --json");
                let printed = run("print --verbose");
                let after = run("explain --json");
                let place = format!("{}: {}", folder.display(), step.command);
                agree(&place, &[&before, &after], &printed);
                compared += 1;
            }
        }
    }
    assert!(compared > 12, "only {compared} commands were compared");
}

/// A way to set up a fixture, and what it shows.
type Fixture = (&'static str, fn(&mut Sandbox));

#[test]
fn explain_and_print_agree_wherever_an_answer_comes_from() {
    let houses: [Fixture; 12] = [
        ("nothing", |_| {}),
        ("an empty variable", |sandbox| sandbox.set("ANTHROPIC_API_KEY", "")),
        ("a variable", |sandbox| sandbox.set("ANTHROPIC_AUTH_TOKEN", sandbox.secret("token"))),
        ("a token of claude.ai", |sandbox| sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("token"))),
        ("a closed descriptor", |sandbox| {
            sandbox.set("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", "9");
            sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key"));
        }),
        ("a helper of the settings", |sandbox| {
            let key = sandbox.write("helper-key", sandbox.secret("helper"));
            sandbox.settings(&json!({ "apiKeyHelper": format!("cat {}", key.display()) }));
        }),
        ("a kept key", |sandbox| {
            sandbox.config("key_store = \"file\"\n");
            sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run().exits(0);
        }),
        ("a failure that goes on", |sandbox| {
            let failing = sandbox.fake("failing", &Script::failure(75, "no network"));
            let next = sandbox.fake("next", &Script::secrets(vec![sandbox.secret("key"); 9]));
            let entries = failing.entry_with("on_error = \"next\"") + &next.entry();
            sandbox.config(&format!("[profile.default]\nchain = [\"failing\", \"next\"]\n\n{entries}"));
        }),
        ("a failure that stops", |sandbox| {
            let failing = sandbox.fake("failing", &Script::failure(77, "signed out; run: acme login"));
            let next = sandbox.fake("next", &Script::secrets(sandbox.keys(9)));
            sandbox.chain(&[&failing, &next]);
        }),
        ("an answer that nobody keeps", |sandbox| {
            let secret = sandbox.secret("key");
            let fake = sandbox.fake("acme", &Script::new(Does::answers_with(secret, &["ephemeral=1"])));
            sandbox.chain(&[&fake]);
        }),
        ("an answer that the client can't send", |sandbox| {
            let secret = sandbox.secret("key");
            let fake = sandbox.fake("acme", &Script::new(Does::answers_with(secret, &["claude.header[]=a: b"])));
            sandbox.chain(&[&fake]);
        }),
        ("a helper that is missing", |sandbox| {
            sandbox.config("[profile.default]\nchain = [\"gone\"]\n\n[entry.gone]\nhelper = \"gone\"\n");
        }),
    ];
    for (name, furnish) in houses {
        let mut sandbox = Sandbox::new();
        furnish(&mut sandbox);
        for (explain, print) in [
            (&["explain", "--json"][..], &["print", "--verbose"][..]),
            (&["explain", "--json", "--for-client"], &["api-key-helper", "--verbose"]),
        ] {
            let before = sandbox.dispatcher(explain).run();
            let printed = sandbox.dispatcher(print).shows_secret().run();
            let after = sandbox.dispatcher(explain).run();
            agree(name, &[&before, &after], &printed);
        }
    }
}

#[test]
fn a_kept_answer_is_what_would_be_handed_out_and_nobody_is_asked() {
    let (sandbox, fake) = fixture();
    assert_eq!(sandbox.print().run().key(), "key-1");
    let found = explain(&sandbox, &[]);
    assert_eq!(found["cache"]["state"], "serves");
    assert_eq!(found["winner"]["cached"], true);
    assert_eq!(found["entries"][0]["said"], "not-asked");
    assert_eq!(fake.runs(), 1);
    let text = people(&sandbox, &[]);
    assert!(text.contains("✓ acme  api-key from") && text.contains(", and serves"), "{text}");
}

#[test]
fn a_kept_answer_whose_ttl_has_passed_says_so_and_the_entry_is_asked() {
    let (sandbox, fake) = fixture();
    assert_eq!(sandbox.print().run().key(), "key-1");
    let output = sandbox.dispatcher(&["explain", "--json"]).with("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "1").run();
    let found = parsed(&output);
    assert_eq!(
        (&found["cache"]["state"], &found["cache"]["because"]),
        (&json!("does-not-serve"), &json!("its TTL has passed"))
    );
    assert_eq!(
        (&found["winner"]["cached"], &found["ttl"]["because"]),
        (&json!(false), &json!("CLAUDE_CODE_API_KEY_HELPER_TTL_MS"))
    );
    assert_eq!(fake.runs(), 2);
    // What it heard is not handed out afterwards.
    assert_eq!(sandbox.print().run().key(), "key-1");
}

#[test]
fn an_answer_that_is_merely_due_is_handed_out_where_nobody_can_renew_it() {
    let sandbox = Sandbox::new();
    let secret = sandbox.secret("key-1");
    let fake = sandbox.fake("acme", &Script::new(Does::answers_until(secret, 600)));
    sandbox.config(&format!("ttl = \"2h\"\n[profile.default]\nchain = [\"acme\"]\n{}", fake.entry()));
    assert_eq!(sandbox.print().run().key(), "key-1");
    // As if it had been obtained an hour ago: of its life less than five minutes are left.
    let cache =
        sandbox.runtime_files().into_iter().find(|file| file.extension().is_some_and(|ending| ending == "cache"));
    let cache = cache.expect("a kept answer");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("the time").as_secs();
    let later = |line: &str| match line.split_once('=') {
        Some((key @ "cache.obtained", _)) => format!("{key}={}\n", (now - 3600) * 1000),
        Some((key @ "password_expiry_utc", _)) => format!("{key}={}\n", now + 250),
        _ => format!("{line}\n"),
    };
    let text: String = fs::read_to_string(&cache).expect("its text").lines().map(later).collect();
    sandbox.write(&cache, text);
    fake.does(&Script::failure(75, "no network"));
    let found = explain(&sandbox, &[]);
    assert_eq!(
        (&found["cache"]["because"], &found["winner"]["cached"]),
        (&json!("it is due for renewal"), &json!(true))
    );
    assert_eq!((&found["entries"][0]["mark"], &found["entries"][0]["error"]["exit"]), (&json!("wins"), &json!(75)));
    assert_eq!(sandbox.print().run().key(), "key-1");
    fake.does(&Script::failure(77, "signed out; run: acme login"));
    assert_eq!(explain_with(&sandbox, &[], 77)["winner"], Value::Null);
    sandbox.dispatcher(&["print"]).run().fails(77);
}

#[test]
fn what_erase_took_back_is_told() {
    let (sandbox, _fake) = fixture();
    assert_eq!(sandbox.print().run().key(), "key-1");
    sandbox.dispatcher(&["erase"]).says("protocol=https\nhost=api.anthropic.com\n\n").run().exits(0);
    let cache = explain(&sandbox, &[])["cache"].clone();
    assert_eq!((&cache["state"], &cache["entry"]), (&json!("empty"), &json!("acme")));
}

#[test]
fn explaining_changes_nothing() {
    let (sandbox, fake) = fixture();
    assert_eq!(sandbox.print().run().key(), "key-1");
    let contents = |file: PathBuf| {
        (file.clone(), fs::read(&file).expect("a file"), fs::metadata(file).expect("it").modified().ok())
    };
    let state = || sandbox.runtime_files().into_iter().map(contents).collect::<Vec<_>>();
    let before = state();
    for args in [&[][..], &["--all"], &["--for-client"], &["--no-cache"], &["--for-client", "--all"]] {
        explain(&sandbox, args);
    }
    assert_eq!(before, state());
    assert!(fake.heard().iter().all(|heard| heard.operation != "store" && heard.rejected().is_none()));
}

#[test]
fn an_entry_that_has_nothing_to_be_asked_for_says_why() {
    let mut sandbox = Sandbox::with_executables(&["claude-credential", "claude-credential-apikey"]);
    sandbox.set("ANTHROPIC_API_KEY", "");
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("token"));
    let said = |found: &Value, name: &str| {
        let entry = found["entries"].as_array().expect("entries").iter().find(|entry| entry["name"] == name).cloned();
        entry.map(|entry| (entry["said"].clone(), entry["because"].clone())).expect("an entry")
    };
    let found = explain_with(&sandbox, &[], 1);
    let skipped = |why: &str| (json!("nothing-to-ask"), json!(why));
    assert_eq!(said(&found, "auth-token"), skipped("ANTHROPIC_AUTH_TOKEN is not set"));
    assert_eq!(said(&found, "oauth-token"), skipped("claude-credential-oauth is not installed"));
    assert_eq!(said(&found, "api-key"), skipped("ANTHROPIC_API_KEY is set but empty, and no key is kept"));
    let error = &found["error"]["message"];
    assert!(error.as_str().is_some_and(|said| said.ends_with("run: claude-credential login api-key")), "{error}");
}

#[test]
fn who_comes_after_the_answer_is_asked_only_if_all_are() {
    let sandbox = Sandbox::new();
    let first = sandbox.fake("first", &Script::secrets(sandbox.keys(1)));
    let second = sandbox.fake("second", &Script::failure(77, "signed out; run: acme login"));
    let third = sandbox.fake("third", &Script::secrets([sandbox.secret("third")]));
    sandbox.chain(&[&first, &second, &third]);
    let marks = |found: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = found["entries"].as_array().expect("entries").iter();
        entries.map(|entry| (text(&entry["mark"]), text(&entry["because"]))).collect()
    };
    let mark = |mark: &str, why: &str| (mark.to_owned(), why.to_owned());
    let not_asked = mark("skipped", "first answers before it");
    assert_eq!(marks(&explain(&sandbox, &[])), [mark("wins", ""), not_asked.clone(), not_asked]);
    assert_eq!((second.runs(), third.runs()), (0, 0));
    assert_eq!(marks(&explain(&sandbox, &["--all"])), [mark("wins", ""), mark("fails", ""), mark("answers", "")]);
    assert_eq!((second.runs(), third.runs()), (1, 1));
}

#[test]
fn a_failure_that_ends_the_search_is_shown_where_it_happened_with_what_mends_it() {
    let sandbox = Sandbox::new();
    let failing = sandbox.fake("failing", &Script::failure(77, "signed out; run: acme login"));
    let next = sandbox.fake("next", &Script::secrets(sandbox.keys(1)));
    sandbox.chain(&[&failing, &next]);
    let found = explain_with(&sandbox, &[], 77);
    assert_eq!((&found["exit"], &found["error"]["entry"]), (&json!(77), &json!("failing")));
    assert_eq!(found["entries"][1]["because"], "failing ends the search");
    let output = sandbox.dispatcher(&["explain"]).run();
    let text = &output.exits(77).stdout;
    assert!(text.contains("✗ failing  exit 77, sign-in required"), "{text}");
    assert!(text.contains("signed out; run: acme login") && text.contains("Claude Code itself"), "{text}");
    assert_eq!(next.runs(), 0);
}

#[test]
fn what_the_client_can_t_send_is_passed_over_for_the_client_alone() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("token"));
    assert_eq!(explain(&sandbox, &[])["winner"]["entry"], "oauth-token");
    let found = explain_with(&sandbox, &["--for-client"], 78);
    assert_eq!(found["entries"][1]["because"], "a claude.ai token can't be sent as a key");
    assert_eq!((&found["command"], &found["winner"]), (&json!("api-key-helper"), &Value::Null));
}

#[test]
fn a_host_that_may_not_have_it_is_explained_and_so_is_the_client() {
    let sandbox = Sandbox::new();
    for args in [&["--host", "evil.example"][..], &["--profile", "missing"]] {
        let found = explain_with(&sandbox, args, 78);
        assert_eq!((&found["profile"], &found["error"]["class"]), (&Value::Null, &json!("config")));
        assert!(found["client"].is_object());
    }
}

#[test]
fn at_a_terminal_there_are_colours_unless_somebody_wants_none() {
    let Some(script) = tool("script") else { return skip("colours at a terminal", "no script") };
    let (sandbox, _fake) = fixture();
    let shown = |variables: &str| {
        let command = format!("stty cols 50; {variables} exec claude-credential explain");
        let call = sandbox.call(&script, &["-qec", &command, "/dev/null"]).input(Input::Open(Vec::new()));
        call.run().exits(0).stdout.replace('\r', "")
    };
    let coloured = shown("TERM=xterm");
    assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m"), "{coloured:?}");
    for plain in ["TERM=xterm NO_COLOR=1", "TERM=dumb", "TERM="] {
        let text = shown(plain);
        assert!(!text.contains('\u{1b}') && text.contains("✓ acme"), "{plain}: {text:?}");
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{plain}: {text}");
    }
    assert!(!people(&sandbox, &[]).contains('\u{1b}'));
}

#[test]
fn nothing_is_asked_of_the_person_where_there_is_no_input() {
    let Some(script) = tool("script") else { return skip("explaining at a terminal", "no script") };
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::failure(77, "signed out; run: acme login"));
    sandbox.chain(&[&fake]);
    for (options, interactive) in [("--no-input", "never"), ("--for-client", "never"), ("", "auto")] {
        let command = format!("claude-credential explain {options}");
        let output = sandbox.call(&script, &["-qec", &command, "/dev/null"]).input(Input::Open(Vec::new())).run();
        assert!(!output.exits(77).stdout.contains("[Y/n]"), "{output:#?}");
        let heard = fake.last("get").expect("a get");
        assert_eq!(heard.get("claude.interactive"), Some(interactive), "{options}");
    }
    assert!(fake.last("login").is_none());
}

/// A chain of one helper that gives a key again and again.
fn fixture() -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(vec![sandbox.secret("key-1"); 20]));
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}

#[track_caller]
fn explain(sandbox: &Sandbox, args: &[&str]) -> Value {
    explain_with(sandbox, args, 0)
}

#[track_caller]
fn explain_with(sandbox: &Sandbox, args: &[&str], code: i32) -> Value {
    let output = sandbox.dispatcher(&["explain", "--json"]).args(args).run();
    assert_eq!(output.stderr, "", "{output:#?}");
    parsed(output.exits(code))
}

/// For people: no line is too long.
#[track_caller]
fn people(sandbox: &Sandbox, args: &[&str]) -> String {
    let output = sandbox.dispatcher(&["explain"]).args(args).run();
    let text = output.succeeds().stdout.clone();
    assert!(text.lines().all(|line| line.chars().count() <= 100 && line.trim_end() == line), "{text}");
    text
}

#[track_caller]
fn parsed(output: &Output) -> Value {
    let found: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("no JSON: {error}: {output:#?}"));
    super::schema::conforms("explain", &found);
    found
}

/// Both before and after an answer was kept, `explain` says what `print` does.
#[track_caller]
fn agree(place: &str, explained: &[&Output], printed: &Output) {
    let answered = answered(printed);
    let secret = printed.stdout.trim_end();
    for output in explained {
        assert_eq!(output.code(), printed.code(), "{place}: {output:#?}\n{printed:#?}");
        if output.stdout.is_empty() {
            // What nobody can read is said in one line by both.
            assert_eq!(output.stderr, printed.stderr, "{place}");
            continue;
        }
        let found = parsed(output);
        assert_eq!(found["exit"].as_i64(), printed.code().map(i64::from), "{place}");
        let winner = &found["winner"];
        assert_eq!(winner["entry"].as_str(), answered.as_ref().map(|it| it.entry.as_str()), "{place}: {found:#}");
        if let Some(source) = answered.as_ref().filter(|it| !it.cached).and_then(|it| it.source.as_deref()) {
            assert_eq!(winner["credential"]["source"].as_str().unwrap_or("unnamed"), source, "{place}: {found:#}");
        }
        assert!(secret.is_empty() || !output.stdout.contains(secret), "{place}: {output:#?}");
    }
}

fn answered(printed: &Output) -> Option<Answered> {
    printed.code().filter(|code| *code == 0)?;
    let lines: Vec<&str> = printed.stderr.lines().filter_map(|line| line.strip_prefix("claude-credential: ")).collect();
    let from_cache = lines.iter().find_map(|line| line.strip_prefix("cache: entry ")?.split_once(','));
    if let Some((entry, _)) = from_cache {
        return Some(Answered { entry: entry.to_owned(), source: None, cached: true });
    }
    let line = lines.iter().rev().find(|line| line.starts_with("entry ") && line.contains(" from "))?;
    let (entry, said) = line.strip_prefix("entry ")?.split_once(": ")?;
    let (_, source) = said.split_once(" from ")?;
    let (source, _) = source.rsplit_once(", ")?;
    Some(Answered { entry: entry.to_owned(), source: Some(source.to_owned()), cached: false })
}

/// A folder's files, as their owner wants them.
fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("it is below the folder"));
        fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder");
        fs::copy(&file, &target).expect("a copy");
        fs::set_permissions(target, Permissions::from_mode(0o600)).expect("a mode");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
