//! `doctor`: every check with something broken, and the sign and the mend that it gives; and all of them where nothing
//! is.

mod config;
mod files;
mod installation;
mod live;
mod settings;
mod time;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use claude_credential_tests::{Call, Input, Output, Sandbox, skip, tool, workspace};
use serde_json::{Value, json};

const SUITE: [&str; 4] =
    ["claude-credential", "claude-credential-apikey", "claude-credential-oauth", "claude-credential-probe"];

/// All checks that need no network.
const CHECKS: [&str; 24] = [
    "folders",
    "versions",
    "place",
    "path",
    "files",
    "leftovers",
    "keychain",
    "config",
    "entries",
    "profiles",
    "commands",
    "answer",
    "settings",
    "api-key-helper",
    "project",
    "managed",
    "base-url",
    "credentials",
    "ttl",
    "lives",
    "clock",
    "cache",
    "locks",
    "core-dumps",
];

#[test]
fn where_nothing_is_wrong_every_check_says_so() {
    let sandbox = healthy();
    let report = doctor(&sandbox);
    assert_eq!(report.names(), CHECKS, "{report:#?}");
    report.is_good(&CHECKS);
    let lines = sandbox.dispatcher(&["doctor"]).run();
    let lines: Vec<&str> = lines.succeeds().stdout.lines().collect();
    assert_eq!(lines.len(), CHECKS.len());
    assert!(lines.iter().all(|line| line.starts_with("✓ ")), "{lines:#?}");
}

#[test]
fn a_line_is_a_sign_a_name_and_the_mend_and_what_is_wrong_exits_1() {
    let mut sandbox = healthy();
    sandbox.set("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "5m");
    let wrong = sandbox.dispatcher(&["doctor"]).run();
    assert_eq!(wrong.exits(1).stderr, "");
    let line = wrong.stdout.lines().find(|line| line.starts_with('✗')).expect("a line");
    let name = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS";
    let says = format!("is not a number of milliseconds; run: unset {name}, or export {name}=300000");
    assert_eq!(line, format!("✗ ttl             {name} {says}"));
    assert_eq!(doctor(&sandbox).output.exits(1).stderr, "");
    sandbox.set(name, "1000");
    let doubtful = sandbox.dispatcher(&["doctor"]).run();
    assert!(doubtful.succeeds().stdout.contains("\n! ttl "), "{doubtful:#?}");
}

#[test]
fn colours_are_for_a_terminal_that_wants_them() {
    let Some(script) = tool("script") else { return skip("colours at a terminal", "no script") };
    let sandbox = healthy();
    let at_terminal = |variable: &str, value: &str| {
        let call = sandbox.call(&script, &["-qec", "claude-credential doctor", "/dev/null"]).with("TERM", "xterm");
        call.with(variable, value).input(Input::Open(Vec::new())).run().exits(0).stdout.clone()
    };
    assert!(at_terminal("X", "").contains("\u{1b}[32m✓\u{1b}[0m"));
    assert!(at_terminal("NO_COLOR", "").contains('\u{1b}'), "an empty NO_COLOR is none");
    for (variable, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!at_terminal(variable, value).contains('\u{1b}'), "{variable}={value}");
    }
    assert!(!sandbox.dispatcher(&["doctor"]).run().stdout.contains('\u{1b}'));
}

#[test]
fn no_secret_is_in_a_report() {
    let mut sandbox = healthy();
    let secret = |name: &str| sandbox.secret(name);
    let file = sandbox.write("secret", secret("x"));
    let command = format!("cat {0}; cat {0} >&2", file.display());
    let shell = format!("[profile.default]\nchain = [\"x\"]\n[entry.x]\nshell = {command:?}\n");
    sandbox.config(&shell);
    let (key, token) = (secret("key"), secret("token"));
    sandbox.set("ANTHROPIC_API_KEY", &key);
    sandbox.set("ANTHROPIC_AUTH_TOKEN", &token);
    sandbox.set("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", &token);
    sandbox.write("clone/.claude/settings.json", format!("{{\"apiKeyHelper\": \"echo {token}\"}}"));
    let folder = sandbox.folder("clone");
    // The sandbox searches what it says.
    sandbox.dispatcher(&["doctor"]).in_folder(&folder).run().exits(1);
    sandbox.write("clone/.claude/settings.json", format!("{{ {token} }}"));
    sandbox.config(&format!("x = \"{token}\n"));
    sandbox.dispatcher(&["doctor", "--json"]).in_folder(&folder).run().exits(1);
}

/// A home where nothing is wrong, and a key is kept.
fn healthy() -> Sandbox {
    let sandbox = Sandbox::with_executables(&[&SUITE[..], &["claude-credential-fake"]].concat());
    let helper = format!("{} api-key-helper", sandbox.bin("claude-credential").display());
    sandbox.settings(&json!({ "apiKeyHelper": helper }));
    let config = sandbox.config("key_store = \"file\"\n");
    let login = sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run();
    login.exits(0);
    fs::remove_file(config).expect("it is there");
    sandbox
}

/// A script in the place of an executable. What stands there is a link to what cargo built, and stays as it is.
fn replace_executable(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let _ = fs::remove_file(sandbox.bin(name));
    sandbox.script(name, text)
}

/// Whether files can be given to other users.
fn root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip(what, "not root");
    }
    is_root
}

/// `doctor`, with one file or folder in the place of another, in a place of its own for mounts: nobody else on this
/// machine sees it. None where that can't be had here.
fn with_mount<'a>(sandbox: &'a Sandbox, what: &str, from: &Path, to: &str) -> Option<Call<'a>> {
    let Some(unshare) = tool("unshare") else {
        skip(what, "no unshare");
        return None;
    };
    let mount = format!("mount --bind '{}' {to}", from.display());
    let call = |then: &str| sandbox.call(&unshare, &["-m", "/bin/sh", "-c", &format!("{mount} && {then}")]);
    if !root(what) {
        return None;
    }
    if call("exit 0").run().code() != Some(0) {
        skip(what, "no mount in a namespace of our own");
        return None;
    }
    Some(call("exec claude-credential doctor --json"))
}

/// What `doctor --json` said.
#[derive(Debug)]
struct Report {
    output: Output,
    checks: Vec<Value>,
}

#[track_caller]
fn doctor(sandbox: &Sandbox) -> Report {
    Report::of(sandbox.dispatcher(&["doctor", "--json"]))
}

/// The same from a folder.
#[track_caller]
fn doctor_in(sandbox: &Sandbox, folder: &Path) -> Report {
    Report::of(sandbox.dispatcher(&["doctor", "--json"]).in_folder(folder))
}

impl Report {
    #[track_caller]
    fn of(call: Call<'_>) -> Self {
        let output = call.run();
        assert_eq!(output.stderr, "", "{output:#?}");
        let report: Value = serde_json::from_str(&output.stdout).expect("JSON");
        assert_valid(&report, "doctor");
        let checks = report["checks"].as_array().expect("checks").clone();
        let is_wrong = checks.iter().any(|check| check["result"] == "wrong");
        assert_eq!((report["good"].as_bool(), output.code()), (Some(!is_wrong), Some(i32::from(is_wrong))));
        Self { output, checks }
    }

    /// The checks that said something, each once, in their order.
    fn names(&self) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.checks.iter().filter_map(|check| check["check"].as_str()).filter(|name| seen.insert(*name)).collect()
    }

    #[track_caller]
    fn is_good(&self, checks: &[&str]) {
        for name in checks {
            let found: Vec<&Value> = self.checks.iter().filter(|check| check["check"] == *name).collect();
            assert!(found.len() == 1 && found[0]["result"] == "good", "{name}: {found:#?}");
        }
    }

    /// That check has a finding of that kind, with these words in it and in what mends it.
    #[track_caller]
    fn has(&self, check: &str, result: &str, says: &str, mend: &str) {
        let found: Vec<&Value> = self.checks.iter().filter(|found| found["check"] == check).collect();
        let holds =
            |found: &Value, key: &str, words: &str| found[key].as_str().is_some_and(|text| text.contains(words));
        let is_it =
            |found: &&Value| found["result"] == result && holds(found, "says", says) && holds(found, "mend", mend);
        assert!(found.iter().any(is_it), "no {result} {says:?} with {mend:?} in {found:#?}");
    }

    #[track_caller]
    fn is_wrong(&self, check: &str, says: &str, mend: &str) {
        self.has(check, "wrong", says, mend);
    }

    #[track_caller]
    fn is_doubtful(&self, check: &str, says: &str, mend: &str) {
        self.has(check, "doubtful", says, mend);
    }
}

/// Against the schema in docs/schema.
#[track_caller]
fn assert_valid(document: &Value, schema: &str) {
    let file = workspace().join("docs/schema").join(schema).with_extension("json");
    let schema: Value = serde_json::from_slice(&fs::read(file).expect("a schema")).expect("a schema in JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = schema.iter_errors(document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?} in {document:#}");
}
