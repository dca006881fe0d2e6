//! Real git, with the dispatcher and with the API key helper.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claude_credential_tests::{Answer, Call, Output, Sandbox, request, skip};

const HOST: &str = "api.anthropic.com";

#[test]
fn git_fills_from_the_dispatcher() {
    let mut git = Git::with_dispatcher();
    git.sandbox.set("ANTHROPIC_API_KEY", git.sandbox.secret("variable"));
    let answer = git.filled(&[]);
    assert_eq!((answer.get("protocol"), answer.get("host")), (Some("https"), Some(HOST)));
    assert_eq!(answer.get("username"), Some("x-api-key"));
    assert_eq!(answer.get("password"), Some(git.sandbox.secret("variable").as_str()));
}

#[test]
fn git_fills_with_a_header_where_it_can() {
    if !git_is_new_enough("a header in git's answer") {
        return;
    }
    let mut git = Git::with_dispatcher();
    git.sandbox.set("ANTHROPIC_AUTH_TOKEN", git.sandbox.secret("variable"));
    let answer = git.filled(&["capability[]=authtype"]);
    assert_eq!(answer.get("authtype"), Some("Bearer"));
    assert_eq!(answer.get("credential"), Some(git.sandbox.secret("variable").as_str()));
    assert_eq!(git.filled(&[]).get("username"), Some("oauth2"));
}

#[test]
fn what_git_approves_is_kept_and_what_it_rejects_is_not() {
    for git in Git::both() {
        git.has_none(&[]);
        git.approve(&["username=x-api-key", &git.password("kept")]).succeeds();
        assert_eq!(git.filled(&[]).get("password"), Some(git.sandbox.secret("kept").as_str()));
        git.reject(&["username=x-api-key", &git.password("kept")]).succeeds();
        git.has_none(&[]);
    }
}

#[test]
fn rejecting_another_secret_erases_nothing() {
    for git in Git::both() {
        git.approve(&["username=x-api-key", &git.password("kept")]).succeeds();
        git.reject(&["username=x-api-key", &git.password("another")]).succeeds();
        assert_eq!(git.filled(&[]).get("password"), Some(git.sandbox.secret("kept").as_str()));
    }
}

#[test]
fn rejecting_without_a_secret_erases_what_the_rest_matches() {
    for git in Git::both() {
        git.approve(&["username=alice", &git.password("kept")]).succeeds();
        git.operation("erase", &["username=bob"]).succeeds();
        assert_eq!(git.filled(&["username=alice"]).get("username"), Some("alice"));
        git.operation("erase", &["username=alice"]).succeeds();
        git.has_none(&["username=alice"]);
    }
}

#[test]
fn a_username_narrows_what_is_found() {
    for git in Git::both() {
        git.approve(&["username=alice", &git.password("of-alice")]).succeeds();
        git.approve(&["username=bob", &git.password("of-bob")]).succeeds();
        for name in ["alice", "bob"] {
            let answer = git.filled(&[&format!("username={name}")]);
            assert_eq!(answer.get("username"), Some(name));
            assert_eq!(answer.get("password"), Some(git.sandbox.secret(&format!("of-{name}")).as_str()));
        }
        git.has_none(&["username=carol"]);
        git.reject(&["username=bob", &git.password("of-bob")]).succeeds();
        git.has_none(&["username=bob"]);
        assert_eq!(git.filled(&["username=alice"]).get("username"), Some("alice"));
    }
}

#[test]
fn a_kept_key_is_not_handed_out_after_its_end() {
    if !git_is_new_enough("the end of a key that git keeps") {
        return;
    }
    for git in Git::both() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
        let expiry = format!("password_expiry_utc={}", now + 4);
        git.approve(&["username=x-api-key", &git.password("short"), &expiry]).succeeds();
        let answer = git.filled(&[]);
        assert_eq!(answer.get("password_expiry_utc"), expiry.strip_prefix("password_expiry_utc="));
        let end = UNIX_EPOCH + Duration::from_secs(now + 5);
        std::thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default());
        git.has_none(&[]);
    }
}

#[test]
fn a_key_from_a_variable_is_not_copied_by_approve() {
    for mut git in Git::both() {
        git.sandbox.set("ANTHROPIC_API_KEY", git.sandbox.secret("variable"));
        for lines in [&[][..], &["capability[]=authtype"]] {
            let filled = git.run("fill", lines).exits(0).stdout.clone();
            git.call("approve").says(filled).run().succeeds();
        }
        git.sandbox.unset("ANTHROPIC_API_KEY");
        git.has_none(&[]);
        assert_eq!(git.sandbox.files_with_secrets(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_key_from_any_entry_of_the_chain_is_not_copied_by_approve() {
    let git = Git::with_dispatcher();
    let key = git.sandbox.write("helper-key", git.sandbox.secret("minted"));
    let entry = format!("[entry.minted]\ncommand = [\"cat\", \"{}\"]\n", key.display());
    git.sandbox.config(&format!("key_store = \"file\"\n[profile.default]\nchain = [\"minted\", \"api-key\"]\n{entry}"));
    let filled = git.run("fill", &[]).exits(0).stdout.clone();
    git.call("approve").says(filled).run().succeeds();
    git.sandbox.config("key_store = \"file\"\n");
    git.has_none(&[]);
}

#[test]
fn another_host_gets_silence() {
    for mut git in Git::both() {
        git.sandbox.set("ANTHROPIC_API_KEY", git.sandbox.secret("variable"));
        for host in
            ["foreign.example", "api.anthropic.com.evil.example", "xapi.anthropic.com", "api.anthropic.com:8443"]
        {
            // For every host, as somebody may have configured it.
            let option = format!("credential.helper={}", git.helper);
            let call = git.sandbox.git(&["-c", &option, "credential", "fill"]).says(request(host, &[])).run();
            assert_eq!((call.code(), call.stdout.as_str()), (Some(128), ""), "{host}");
            assert!(!call.stderr.contains("claude-credential"), "{call:#?}");
        }
    }
}

#[test]
fn git_finds_us_by_the_name_claude() {
    let mut sandbox = Sandbox::new();
    sandbox.install("claude-credential", "git-credential-claude");
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
    let call = sandbox.git(&["-c", "credential.helper=claude", "credential", "fill"]).shows_secret();
    let output = call.says(request(HOST, &[])).run();
    let answer = Answer::parse(&output.succeeds().stdout);
    assert_eq!(answer.get("password"), Some(sandbox.secret("variable").as_str()));
}

#[test]
fn git_asks_nobody_else_when_we_have_to_stop() {
    let mut git = Git::with_dispatcher();
    git.sandbox.config("[profile.default]\nchain = [\"gone\"]\n[entry.gone]\nhelper = \"gone\"\n");
    let next = git.sandbox.script("next-helper", "touch \"$HOME/next-was-asked\"");
    git.sandbox.set("ANTHROPIC_API_KEY", git.sandbox.secret("variable"));
    let option = format!("credential.helper={}", next.display());
    let output = git.call("fill").run();
    assert_eq!((output.code(), output.stdout.as_str()), (Some(128), ""), "{output:#?}");
    let both = ["-c", &git.option(), "-c", &option, "credential", "fill"];
    git.sandbox.git(&both).says(request(HOST, &[])).run().exits(128);
    assert!(!git.sandbox.home().join("next-was-asked").exists());
}

/// Git with one helper configured for our host.
struct Git {
    sandbox: Sandbox,
    helper: String,
}

impl Git {
    fn with_dispatcher() -> Self {
        let sandbox = Sandbox::new();
        sandbox.config("key_store = \"file\"\n");
        let helper = sandbox.bin("claude-credential").display().to_string();
        Self { sandbox, helper }
    }

    fn with_apikey() -> Self {
        let sandbox = Sandbox::new();
        sandbox.config("key_store = \"file\"\n");
        let helper = sandbox.bin("claude-credential-apikey").display().to_string();
        Self { sandbox, helper }
    }

    fn both() -> [Self; 2] {
        [Self::with_dispatcher(), Self::with_apikey()]
    }

    fn option(&self) -> String {
        format!("credential.https://{HOST}.helper={}", self.helper)
    }

    fn call(&self, word: &str) -> Call<'_> {
        self.sandbox.git(&["-c", &self.option(), "credential", word]).says(request(HOST, &[]))
    }

    fn run(&self, word: &str, lines: &[&str]) -> Output {
        self.call(word).says(request(HOST, lines)).shows_secret().run()
    }

    fn filled(&self, lines: &[&str]) -> Answer {
        Answer::parse(&self.run("fill", lines).succeeds().stdout)
    }

    /// Git asks the person then, and there is none.
    fn has_none(&self, lines: &[&str]) {
        let output = self.run("fill", lines);
        assert_eq!((output.code(), output.stdout.as_str()), (Some(128), ""), "{output:#?}");
    }

    fn approve(&self, lines: &[&str]) -> Output {
        self.run("approve", lines)
    }

    fn reject(&self, lines: &[&str]) -> Output {
        self.run("reject", lines)
    }

    /// An operation of the wire without git, for what git never sends.
    fn operation(&self, word: &str, lines: &[&str]) -> Output {
        self.sandbox.call(&self.helper, &[word]).says(request(HOST, lines)).run()
    }

    fn password(&self, name: &str) -> String {
        format!("password={}", self.sandbox.secret(name))
    }
}

/// 2.46 is the first that knows both `password_expiry_utc` and `authtype`.
fn git_is_new_enough(what: &str) -> bool {
    let said = Sandbox::with_executables(&[]).git(&["--version"]).run().succeeds().stdout.clone();
    let version = said.trim().trim_start_matches("git version ").to_owned();
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let is_new = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()) >= (2, 46);
    if !is_new {
        skip(what, &format!("git is {version}, and 2.46 or later is needed"));
    }
    is_new
}
