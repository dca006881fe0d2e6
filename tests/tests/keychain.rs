//! Keys in the keychain of the operating system: the helper for API keys against a real gnome-keyring.
//!
//! `tests/run.sh` runs these under `tests/servers/with-keyring.sh`, once for each state of the keychain, and says which
//! in `CLAUDE_CREDENTIAL_TEST_KEYRING`; each test is for one of them. All tests of a run share the keychain, so each has
//! a host of its own.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use claude_credential_tests::{Answer, Call, Output, Sandbox, git_knows_more, request, tool, workspace};
use rustix::process::Signal;

/// Longest key that Claude Code takes.
const LONGEST: usize = 16_384;

const NOT_GIT: [&str; 2] = ["capability[]=authtype", "capability[]=claude.v1"];

struct Keyring {
    sandbox: Sandbox,
    host: &'static str,
}

impl Keyring {
    /// None where the keychain of this run is in another state.
    fn in_state(state: &str, host: &'static str) -> Option<Self> {
        let here = env::var("CLAUDE_CREDENTIAL_TEST_KEYRING");
        let here = here.expect("CLAUDE_CREDENTIAL_TEST_KEYRING says in which state the keychain is");
        let mut sandbox = Sandbox::new();
        sandbox.set("DBUS_SESSION_BUS_ADDRESS", env::var("DBUS_SESSION_BUS_ADDRESS").expect("a session bus"));
        (here == state).then_some(Self { sandbox, host })
    }

    fn unlocked(host: &'static str) -> Option<Self> {
        Self::in_state("unlocked", host)
    }

    fn helper(&self, operation: &[&str]) -> Call<'_> {
        let options = ["--source", "kept", "--host", self.host];
        self.sandbox.call(self.sandbox.bin("claude-credential-apikey"), &[&options, operation].concat())
    }

    fn login(&self, secret: &str) -> Output {
        self.helper(&["login", "--stdin"]).says(self.sandbox.secret(secret)).run()
    }

    fn get(&self) -> Output {
        self.helper(&["get"]).says(request(self.host, &NOT_GIT)).shows_secret().run()
    }

    /// The name of the secret that it answers with, and where it has it from.
    #[track_caller]
    fn found(&self) -> (String, String) {
        let answer = Answer::parse(&self.get().succeeds().stdout);
        let field = |key| answer.get(key).unwrap_or_else(|| panic!("no {key} in {:?}", answer.keys())).to_owned();
        let secret = field("credential");
        let name = secret.rsplit_once("CANARY").and_then(|(_, rest)| rest.split_once('-'));
        (name.expect("a made-up secret").1.to_owned(), field("claude.source"))
    }

    #[track_caller]
    fn finds_nothing(&self) {
        assert_eq!(Answer::parse(&self.get().succeeds().stdout).get("credential"), None);
    }

    fn data(&self) -> PathBuf {
        self.sandbox.home().join(".local/share/claude-credential")
    }

    fn key_files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.data().join("keys")).into_iter().flatten().flatten();
        files.map(|file| file.path()).collect()
    }

    /// As if the key were in the keychain.
    fn index_says_keychain(&self) {
        let key = serde_json::json!({ "protocol": "https", "host": self.host, "place": "keychain" });
        let index = serde_json::json!({ "version": 1, "keys": [key] });
        fs::create_dir_all(self.data()).expect("a folder");
        self.sandbox.write(self.data().join("kept.json"), index.to_string());
    }
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_key_is_in_the_keychain_and_in_no_file_until_logout() {
    let Some(keyring) = Keyring::unlocked("login.example") else { return };
    let login = keyring.login("mine");
    let said = login.fails(0);
    assert_eq!(said, "the key for https://login.example is kept in the keychain (Secret Service)");
    assert_eq!(keyring.found(), ("mine".to_owned(), "keychain".to_owned()));
    let status = keyring.helper(&["status"]).run();
    assert_eq!(status.succeeds().stdout, "https://login.example: in the keychain (Secret Service)\n");
    assert_eq!(keyring.helper(&["print"]).shows_secret().run().key(), "mine");
    assert!(keyring.sandbox.files_with_secrets().is_empty() && keyring.key_files().is_empty());
    keyring.login("newer").exits(0);
    assert_eq!(keyring.found().0, "newer");
    let logout = keyring.helper(&["logout"]).run();
    assert_eq!(logout.fails(0), "the key for https://login.example is forgotten");
    keyring.finds_nothing();
    let again = keyring.helper(&["logout"]).run();
    assert_eq!(again.fails(0), "no key is kept for https://login.example");
    keyring.index_says_keychain();
    let gone = keyring.get();
    assert!(gone.exits(77).error_line().contains("is no longer in the keychain"), "it is out of the keychain, too");
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn the_longest_key_comes_back_whole() {
    let Some(keyring) = Keyring::unlocked("longest.example") else { return };
    let secret = keyring.sandbox.secret("longest-");
    let secret = format!("{secret}{}", "k".repeat(LONGEST - secret.len()));
    keyring.helper(&["login", "--stdin"]).says(secret.clone()).run().exits(0);
    let answer = Answer::parse(&keyring.get().succeeds().stdout);
    assert!(answer.get("credential") == Some(secret.as_str()), "another key came back");
    let longer = keyring.helper(&["login", "--stdin"]).says(format!("{secret}k")).run();
    assert!(longer.fails(78).contains("longer than 16384 characters"));
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn git_stores_and_erases_that_key_and_no_other() {
    let Some(mut keyring) = Keyring::unlocked("git.example") else { return };
    if !git_knows_more("keys that git keeps in the keychain") {
        return;
    }
    let helper = keyring.sandbox.bin("claude-credential-apikey");
    let helper = format!("credential.https://git.example.helper={} --host git.example", helper.display());
    let git = |keyring: &Keyring, word: &str, host: &str, lines: &[&str]| {
        let args = ["-c", "credential.helper=", "-c", helper.as_str(), "credential", word];
        let call = keyring.sandbox.git(&args).with("GIT_ASKPASS", "true").says(request(host, lines));
        Answer::parse(&call.shows_secret().run().exits(0).stdout)
    };
    let password = |keyring: &Keyring, secret: &str| format!("password={}", keyring.sandbox.secret(secret));
    let is = |keyring: &Keyring, answer: &Answer, secret: &str| {
        assert!(answer.get("password") == Some(keyring.sandbox.secret(secret).as_str()), "{:?}", answer.keys());
    };
    let mine = password(&keyring, "mine");
    git(&keyring, "approve", "git.example", &["username=x-api-key", &mine]);
    is(&keyring, &git(&keyring, "fill", "git.example", &[]), "mine");
    git(&keyring, "reject", "git.example", &["username=x-api-key", &password(&keyring, "other")]);
    is(&keyring, &git(&keyring, "fill", "git.example", &[]), "mine");
    git(&keyring, "reject", "git.example", &["username=x-api-key", &mine]);
    keyring.finds_nothing();

    // Another account, until a day in the future and until one in the past.
    let expiry = "password_expiry_utc=4102444800";
    git(&keyring, "approve", "git.example", &["username=me", &password(&keyring, "account"), expiry]);
    let answer = git(&keyring, "fill", "git.example", &["username=me"]);
    is(&keyring, &answer, "account");
    assert_eq!(answer.get("password_expiry_utc"), Some("4102444800"));
    assert_eq!(git(&keyring, "fill", "git.example", &["username=you"]).get("password"), Some(""));
    git(&keyring, "reject", "git.example", &["username=me"]);
    let past = "password_expiry_utc=1000000000";
    git(&keyring, "approve", "git.example", &["username=me", &password(&keyring, "expired"), past]);
    keyring.finds_nothing();

    // What a variable holds is handed out and not copied, although git drops that it is ephemeral.
    let variable = keyring.sandbox.secret("variable");
    keyring.sandbox.set("ANTHROPIC_API_KEY", &variable);
    let answer = git(&keyring, "fill", "git.example", &[]);
    is(&keyring, &answer, "variable");
    git(&keyring, "approve", "git.example", &["username=x-api-key", &password(&keyring, "variable")]);
    keyring.finds_nothing();
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn twenty_at_once_keep_twenty_keys() {
    let Some(keyring) = Keyring::unlocked("twenty.example") else { return };
    let accounts: Vec<String> = (1..=20).map(|number| format!("account-{number}")).collect();
    thread::scope(|scope| {
        for account in &accounts {
            let login = keyring.helper(&["login", "--stdin", "--account", account]);
            let login = login.says(keyring.sandbox.secret(account));
            scope.spawn(|| login.run().exits(0).code());
        }
    });
    for account in &accounts {
        let ask = request(keyring.host, &[&format!("username={account}")]);
        let answer = keyring.helper(&["get"]).says(ask).shows_secret().run();
        let expected = keyring.sandbox.secret(account);
        assert!(Answer::parse(&answer.succeeds().stdout).get("password") == Some(expected.as_str()), "{account}");
    }
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_key_moves_with_key_store_and_is_in_one_place_only() {
    let Some(keyring) = Keyring::unlocked("moving.example") else { return };
    keyring.login("first").exits(0);
    keyring.sandbox.config("key_store = \"file\"\n");
    // The index names the place; what the configuration says is for new keys.
    assert_eq!(keyring.found(), ("first".to_owned(), "keychain".to_owned()));
    let login = keyring.login("second");
    assert!(login.fails(0).ends_with(", mode 0600, because key_store = \"file\""));
    let [file] = &keyring.key_files()[..] else { panic!("one file") };
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(keyring.found(), ("second".to_owned(), file.display().to_string()));
    keyring.sandbox.config("key_store = \"keychain\"\n");
    keyring.login("third").exits(0);
    assert_eq!(keyring.found(), ("third".to_owned(), "keychain".to_owned()));
    assert!(keyring.key_files().is_empty());
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_login_that_is_killed_leaves_the_old_key_or_the_new_one() {
    let Some(keyring) = Keyring::unlocked("killed.example") else { return };
    keyring.login("0").exits(0);
    let mut before = "0".to_owned();
    for round in 1..=30_u64 {
        let new = round.to_string();
        let login = keyring.helper(&["login", "--stdin"]).says(keyring.sandbox.secret(&new)).start();
        thread::sleep(Duration::from_millis(round * 3));
        login.signal(Signal::KILL);
        login.finish();
        let (found, _) = keyring.found();
        assert!(found == before || found == new, "{found} after {before} and {new}");
        before = found;
    }
    keyring.login("last").exits(0);
    assert_eq!(keyring.found().0, "last");
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_keychain_out_of_reach_is_an_error_only_for_who_has_a_key_in_it() {
    let Some(mut keyring) = Keyring::unlocked("reach.example") else { return };
    let dead = keyring.sandbox.root().join("dead-bus");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    let addresses = [
        ("unix:path=/nowhere/at/all", 77, "no session bus"),
        (&format!("unix:path={}", dead.display()), 75, "does not work"),
    ];
    let ours = env::var("DBUS_SESSION_BUS_ADDRESS").unwrap();
    for (address, code, words) in addresses {
        keyring.sandbox.set("DBUS_SESSION_BUS_ADDRESS", address);
        keyring.finds_nothing();
        keyring.sandbox.set("DBUS_SESSION_BUS_ADDRESS", &ours);
        keyring.login("mine").exits(0);
        keyring.sandbox.set("DBUS_SESSION_BUS_ADDRESS", address);
        let get = keyring.get();
        let said = get.exits(code).error_line();
        assert!(said.contains(words) && said.contains("https://reach.example"), "{said}");
        assert_eq!(Answer::parse(&get.stdout).get("quit"), Some("1"));
        keyring.helper(&["logout"]).run().fails(code);
        keyring.sandbox.set("DBUS_SESSION_BUS_ADDRESS", &ours);
        assert_eq!(keyring.found().0, "mine");
        keyring.helper(&["logout"]).run().exits(0);
    }
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_key_that_another_program_removed_is_an_error_until_logout() {
    let Some(keyring) = Keyring::unlocked("removed.example") else { return };
    keyring.index_says_keychain();
    let get = keyring.get();
    let login = "run: claude-credential login api-key --host removed.example";
    assert!(get.exits(77).error_line().ends_with(login), "{get:#?}");
    keyring.helper(&["logout"]).run().exits(0);
    keyring.finds_nothing();
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_locked_keychain_is_no_place_for_a_key_and_no_reason_to_write_a_file() {
    let Some(keyring) = Keyring::in_state("locked", "locked.example") else { return };
    let login = keyring.login("mine");
    let said = login.fails(77);
    assert!(said.contains("the keychain is locked") && said.contains("key_store = \"file\""), "{said}");
    assert!(keyring.key_files().is_empty() && keyring.sandbox.files_with_secrets().is_empty());
    keyring.finds_nothing();
    keyring.sandbox.config("key_store = \"file\"\n");
    keyring.login("mine").exits(0);
    assert_eq!(keyring.found().0, "mine");
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_key_in_a_keychain_that_was_locked_since_is_locked_and_not_missing() {
    let Some(keyring) = Keyring::in_state("locked", "locked-since.example") else { return };
    let helper = keyring.sandbox.bin("claude-credential-apikey");
    // A keyring of its own, which is open until the key is in it.
    let script = "
        lock() {
            dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
                org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null
        }
        $HELPER login --stdin 2>&1 && lock && $HELPER print 2>&1
        echo print=$? && $HELPER logout 2>&1
        echo logout=$? && $HELPER status";
    let with_keyring = workspace().join("tests/servers/with-keyring.sh");
    let run = keyring.sandbox.call(with_keyring, &["/bin/sh", "-c", script]);
    let run = run.with("HELPER", helper).says(keyring.sandbox.secret("mine")).run();
    let said = &run.exits(0).stdout;
    assert_eq!(said.matches("the keychain is locked, and the key for https://api.anthropic.com is in it").count(), 2);
    assert!(said.contains("print=77\n") && said.contains("logout=77\n"), "{said}");
    assert!(said.ends_with("https://api.anthropic.com: in the keychain (Secret Service)\n"), "{said}");
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn where_there_is_no_collection_a_private_file_has_the_key_and_login_says_so() {
    let Some(keyring) = Keyring::in_state("no-collection", "server.example") else { return };
    let login = keyring.login("mine");
    let said = login.fails(0);
    let [file] = &keyring.key_files()[..] else { panic!("one file") };
    let why = "mode 0600, because this machine has no keychain: it has no login collection";
    assert_eq!(said, format!("the key for https://server.example is kept in {}, {why}", file.display()));
    assert_eq!(keyring.found(), ("mine".to_owned(), file.display().to_string()));
    keyring.sandbox.config("key_store = \"keychain\"\n");
    let refused = keyring.login("other");
    assert!(refused.fails(78).contains("key_store = \"keychain\""));
    assert_eq!(keyring.found().0, "mine");
    keyring.helper(&["logout"]).run().exits(0);
    assert!(keyring.key_files().is_empty());
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn a_bus_that_offers_no_keychain_is_no_broken_one() {
    let Some(keyring) = Keyring::in_state("no-collection", "bus.example") else { return };
    let policy = "<allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/>";
    let listen = "<type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>";
    let config = format!("<busconfig>{listen}<policy context='default'>{policy}</policy></busconfig>");
    let config = keyring.sandbox.write("bus.conf", config);
    let bus = tool("dbus-run-session").expect("dbus-run-session is installed");
    let helper = keyring.sandbox.bin("claude-credential-apikey");
    let args = ["--config-file", config.to_str().unwrap(), "--", helper.to_str().unwrap(), "login", "--stdin"];
    let login = keyring.sandbox.call(bus, &args).says(keyring.sandbox.secret("mine")).run();
    let said = &login.exits(0).stderr;
    assert!(said.contains("has no keychain: nothing on the session bus offers one\n"), "{said}");
}

#[test]
#[ignore = "needs a keyring: tests/run.sh"]
fn doctor_tries_the_keychain_and_leaves_no_file() {
    for (state, result, says) in [
        ("unlocked", "good", "keys are kept in the keychain (Secret Service)"),
        ("locked", "wrong", "the keychain is locked"),
        ("no-collection", "good", "because there is no keychain here: it has no login collection"),
    ] {
        let Some(keyring) = Keyring::in_state(state, "doctor.example") else { continue };
        let report = keyring.sandbox.dispatcher(&["doctor", "--json"]).run();
        let report: serde_json::Value = serde_json::from_str(&report.stdout).expect("JSON");
        let checks = report["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["check"] == "keychain").expect("the check");
        assert!(check["result"] == result && check["says"].as_str().is_some_and(|text| text.contains(says)), "{check}");
        assert!(keyring.key_files().is_empty());
    }
}
