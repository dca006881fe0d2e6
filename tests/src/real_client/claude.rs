use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::real_client::{API_HOST, Api, Sent};
use crate::{Call, Output, Sandbox};

/// Claude Code in a home of its own, started by `claude -p`. Whatever it sends goes to the stand-in: there is no other
/// way out. `tests/run.sh` says where the client is installed.
#[derive(Debug)]
pub struct RealClient {
    /// Its home.
    pub sandbox: Sandbox,
    /// What it talks to.
    pub api: Api,
}

impl RealClient {
    /// With the setting that setup writes: the absolute path of the dispatcher.
    #[must_use]
    pub fn new() -> Self {
        let client = Self::without_setting();
        let setting = format!("{} api-key-helper", client.sandbox.bin("claude-credential").display());
        client.sandbox.settings(&json!({ "apiKeyHelper": setting }));
        client
    }

    /// Without settings.
    #[must_use]
    pub fn without_setting() -> Self {
        let (mut sandbox, api) = (Sandbox::new(), Api::start());
        let certificate = sandbox.write("company.pem", api.certificate());
        sandbox.set("HTTPS_PROXY", api.url());
        sandbox.set("NODE_EXTRA_CA_CERTS", certificate);
        let temporary = sandbox.root().join("tmp");
        fs::create_dir(&temporary).expect("a folder");
        sandbox.set("TMPDIR", temporary);
        Self { sandbox, api }
    }

    /// The folder that it is started in.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        self.sandbox.folder("project")
    }

    /// Writes the settings of the project, whoever wrote the project.
    pub fn project_settings(&self, settings: &Value) -> PathBuf {
        self.sandbox.write("project/.claude/settings.json", settings.to_string())
    }

    /// `claude -p`, in the folder of the project. Its shell tool may run whatever the stand-in wants.
    pub fn call(&self) -> Call<'_> {
        self.sandbox.call(program(), &["-p", "--allowedTools", "Bash"]).args(["--", "hello"]).in_folder(&self.project())
    }

    /// A command for a shell that starts another one.
    #[must_use]
    pub fn command(&self) -> String {
        format!("{} -p hello", program().display())
    }

    /// One question, with one answer.
    #[track_caller]
    pub fn ask(&self) -> Output {
        self.call().run()
    }

    /// The names of the keys that came with the messages so far, in order.
    ///
    /// A helper's key is in both headers; and all went where the key belongs.
    #[track_caller]
    pub fn keys(&self) -> Vec<String> {
        let key = |sent: Sent| {
            assert_eq!(sent.host, API_HOST, "{sent:?}");
            assert_eq!(sent.authorization, sent.x_api_key, "{sent:?}");
            sent.x_api_key.unwrap_or_default()
        };
        self.api.messages().into_iter().map(key).collect()
    }
}

impl Default for RealClient {
    fn default() -> Self {
        Self::new()
    }
}

fn program() -> PathBuf {
    let program = env::var_os("CLAUDE_CREDENTIAL_TEST_CLIENT");
    let program = program.expect("CLAUDE_CREDENTIAL_TEST_CLIENT is not set; run: tests/run.sh");
    Path::new(&program).to_owned()
}
