use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::oauth::certified::folder;
use crate::{Answer, Call, Output, Running, Sandbox, label, request, tool, wait_until};

/// The name of the one provider.
pub const PROVIDER: &str = "acme";

/// The host for which it is asked.
const HOST: &str = "api.anthropic.com";

/// What callers say who are not git.
pub const NOT_GIT: [&str; 2] = ["capability[]=authtype", "capability[]=claude.v1"];

/// A sandbox whose configuration names one provider.
#[derive(Debug)]
pub struct Fixture {
    /// It.
    pub sandbox: Sandbox,
    name: String,
}

/// Tokens to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The name of the access token.
    pub access: &'a str,
    /// The name of the refresh token.
    pub refresh: Option<&'a str>,
    /// Until when the access token is good.
    pub until: Option<u64>,
}

impl Fixture {
    /// With nothing in it but executables.
    #[must_use]
    pub fn new() -> Self {
        Self::named(PROVIDER)
    }

    /// With another name for its provider, for tests that share a keychain.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { sandbox: Sandbox::new(), name: name.to_owned() }
    }

    /// The name of its provider.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Configures the provider for people, with its tokens in a file unless `more` says otherwise.
    pub fn people(&self, issuer: &str, more: &str) {
        let store = if more.contains("store =") { "" } else { "store = \"file\"\n" };
        let client = if more.contains("client_id") { "" } else { "client_id = \"acme-cli\"\n" };
        self.provider(&format!("issuer = \"{issuer}\"\n{client}{store}{more}"));
    }

    /// Configures the provider.
    pub fn provider(&self, lines: &str) {
        self.sandbox.config(&format!("[provider.{}]\n{lines}\n", self.name));
    }

    /// The helper, for the provider.
    pub fn helper(&self, words: &[&str]) -> Call<'_> {
        self.sandbox.call(self.sandbox.bin("claude-credential-oauth"), &[&["--provider", &self.name], words].concat())
    }

    /// `get` of the helper, to be run.
    pub fn get(&self, lines: &[&str]) -> Call<'_> {
        self.helper(&["get"]).says(ask(lines)).shows_secret()
    }

    /// `get` after a token was refused.
    pub fn get_after_refusal(&self, token: &str) -> Call<'_> {
        let refused = format!("credential={}", self.sandbox.secret(token));
        self.get(&["authtype=Bearer", "claude.reason=rejected", &refused])
    }

    /// The name of the token that `get` answers with.
    #[track_caller]
    pub fn token(&self) -> String {
        token(&self.get(&[]).run())
    }

    /// The dispatcher, asked for the provider's token.
    pub fn print(&self) -> Call<'_> {
        self.sandbox.print().args(["--chain", &self.name])
    }

    /// Hands tokens to the helper.
    #[track_caller]
    pub fn store(&self, stored: Stored<'_>) -> Output {
        let Stored { access, refresh, until } = stored;
        let mut lines = vec!["authtype=Bearer".to_owned(), format!("credential={}", self.sandbox.secret(access))];
        lines.extend(refresh.map(|name| format!("oauth_refresh_token={}", self.sandbox.secret(name))));
        lines.extend(until.map(|until| format!("password_expiry_utc={until}")));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        self.helper(&["store"]).says(ask(&lines)).run()
    }

    /// Hands it the first set of a grant, good for an hour.
    #[track_caller]
    pub fn store_grant(&self, grant: usize) {
        self.store_set(grant, 1, now() + 3600);
    }

    /// Hands it one set of a grant.
    #[track_caller]
    pub fn store_set(&self, grant: usize, number: usize, until: u64) {
        let (access, refresh) = (format!("access-{grant}-{number}"), format!("refresh-{grant}-{number}"));
        self.store(Stored { access: &access, refresh: Some(&refresh), until: Some(until) }).exits(0);
    }

    /// `login` of the dispatcher, under way.
    pub fn login(&self, options: &[&str]) -> Login<'_> {
        let paste = self.sandbox.root().join("paste");
        let _ = fs::remove_file(&paste);
        // Opened by the shell, so that it has an end when we say so, and by us for both ways, so that neither waits.
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &paste,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .expect("a named pipe");
        let pipe = OpenOptions::new().read(true).write(true).open(&paste).expect("the pipe");
        let program = self.sandbox.bin("claude-credential");
        let call = self.sandbox.call("/bin/sh", &["-c", "exec \"$0\" \"$@\" <\"$PASTE\""]).arg(program);
        let running = call.args(["login", &self.name]).args(options).with("PASTE", paste).start();
        Login { running, pipe, said: RefCell::new(self.newest_stderr()) }
    }

    /// A browser that opens what it is given, by headless Chromium and a person who clicks.
    pub fn chromium(&mut self) {
        let node = tool("node").expect("node is installed");
        let script =
            format!("exec {} {}/sign-in.mjs \"$1\" >>\"$HOME/opened\" 2>&1", node.display(), folder().display());
        self.browser(&script);
    }

    /// A browser that does as a script says, with the address in `$1`.
    pub fn browser(&mut self, script: &str) {
        let path = self.sandbox.script("xdg-open", script);
        self.sandbox.set("BROWSER", path);
        self.sandbox.set("DISPLAY", ":99");
    }

    /// The file into which the newest run writes what it says.
    fn newest_stderr(&self) -> PathBuf {
        let files = fs::read_dir(self.sandbox.root().join("io")).expect("a folder").flatten().map(|file| file.path());
        let errors = files.filter(|path| path.extension().is_some_and(|end| end == "err"));
        let number = |path: &PathBuf| path.file_stem()?.to_str()?.parse::<usize>().ok();
        errors.max_by_key(number).expect("a run")
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

/// A sign-in under way.
#[derive(Debug)]
pub struct Login<'a> {
    running: Running<'a>,
    pipe: File,
    said: RefCell<PathBuf>,
}

impl Login<'_> {
    /// The address that it shows.
    #[track_caller]
    pub fn url(&self) -> String {
        self.word("http://127.0.0.1")
    }

    /// The first word that it says which begins so.
    #[track_caller]
    pub fn word(&self, start: &str) -> String {
        let said = || fs::read_to_string(&*self.said.borrow()).unwrap_or_default();
        let find = |said: &str| {
            // A word is whole when something follows it.
            let mut words =
                said.split_inclusive(char::is_whitespace).filter(|word| word.ends_with(char::is_whitespace));
            words.find(|word| word.starts_with(start)).map(|word| word.trim_end().to_owned())
        };
        let ended = || !crate::process::runs(self.running.pid());
        wait_until(|| find(&said()).is_some() || ended());
        find(&said()).unwrap_or_else(|| panic!("it said no word that begins with {start}: {}", said()))
    }

    /// A line from the clipboard.
    pub fn paste(&mut self, text: &str) {
        self.pipe.write_all(format!("{text}\n").as_bytes()).expect("a pipe");
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(self) -> Output {
        let Self { running, pipe, said: _ } = self;
        let output = running.finish();
        drop(pipe);
        output
    }

    /// The process.
    #[must_use]
    pub fn running(&self) -> &Running<'_> {
        &self.running
    }
}

/// The name of the token in an answer.
#[track_caller]
pub fn token(output: &Output) -> String {
    let answer = Answer::parse(&output.succeeds().stdout);
    let token = answer.get("credential").unwrap_or_else(|| panic!("no token in {:?}", answer.keys()));
    assert!(answer.ended, "the answer has no end");
    label(token)
}

/// A request of a caller who speaks `claude.v1`.
#[must_use]
pub fn ask(lines: &[&str]) -> String {
    request(HOST, &[&NOT_GIT, lines].concat())
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
