use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::Sandbox;
use crate::oauth::fetch;

/// The certified provider of `tests/servers/oidc-provider.mjs`, in a process of its own. `tests/run.sh` says where it
/// is installed.
#[derive(Debug)]
pub struct Certified {
    process: Child,
    issuer: String,
    /// Kept open: it writes there now and then, and dies of nobody reading.
    _stdout: BufReader<ChildStdout>,
}

impl Certified {
    /// With pages to click on.
    #[must_use]
    pub fn with_pages(sandbox: &Sandbox) -> Self {
        Self::start(sandbox, "0")
    }

    /// It signs everybody in at once.
    #[must_use]
    pub fn without_pages(sandbox: &Sandbox) -> Self {
        Self::start(sandbox, "1")
    }

    fn start(sandbox: &Sandbox, auto: &str) -> Self {
        let said = File::create(sandbox.root().join("provider.log")).expect("a file");
        let mut process = Command::new("node")
            .arg(folder().join("oidc-provider.mjs"))
            .arg("0")
            .envs([("AUTO", auto), ("CANARY", &sandbox.canary().secret("").replace("sk-ant-", "").replace('-', ""))])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .expect("node is installed");
        let mut issuer = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("its stdout"));
        stdout.read_line(&mut issuer).expect("its first line");
        assert!(issuer.starts_with("http://"), "the provider does not start");
        Self { process, issuer: issuer.trim().to_owned(), _stdout: stdout }
    }

    /// Its name and address.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// For how long access tokens live from now on.
    pub fn tokens_live(&self, seconds: u64) {
        assert_eq!(fetch(&format!("{}/_life?seconds={seconds}", self.issuer), &[]).status, 200);
    }

    /// How often `event` happened, for `grant` alone if one is named.
    #[must_use]
    pub fn count(&self, event: &str, grant: Option<&str>) -> usize {
        let counts = |entry: &Value| entry["event"] == event && grant.is_none_or(|grant| entry["grant"] == grant);
        self.log().iter().filter(|entry| counts(entry)).count()
    }

    /// All that happened.
    #[must_use]
    pub fn log(&self) -> Vec<Value> {
        let page = fetch(&format!("{}/_log", self.issuer), &[]);
        serde_json::from_str(&page.text).expect("the log is JSON")
    }

    /// What the provider itself says of an access token.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        fetch(&format!("{}/me", self.issuer), &[("Authorization", &format!("Bearer {token}"))]).status == 200
    }

    /// What a person does in Chromium with an address: what the last page says.
    #[track_caller]
    pub fn visit(&self, url: &str) -> String {
        let output = Command::new("node").arg(folder().join("sign-in.mjs")).arg(url).output().expect("node");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

impl Drop for Certified {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where `tests/run.sh` installed the servers.
pub(super) fn folder() -> PathBuf {
    let folder = env::var_os("CLAUDE_CREDENTIAL_TEST_SERVERS");
    folder.expect("CLAUDE_CREDENTIAL_TEST_SERVERS says where tests/run.sh installed the servers").into()
}
