use std::ffi::OsString;
use std::path::PathBuf;
use std::{env, fs, iter};

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
        client.sets_helper();
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

    /// Writes the setting that makes our dispatcher its helper.
    pub fn sets_helper(&self) {
        let dispatcher = self.sandbox.bin("claude-credential");
        self.sandbox.settings(&json!({ "apiKeyHelper": format!("{} api-key-helper", dispatcher.display()) }));
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

    /// The command that starts it, with one question. Its shell tool may run whatever the stand-in wants.
    #[must_use]
    pub fn command(&self) -> Vec<OsString> {
        let program = env::var_os("CLAUDE_CREDENTIAL_TEST_CLIENT");
        let program = program.expect("CLAUDE_CREDENTIAL_TEST_CLIENT is not set; run: tests/run.sh");
        let arguments = ["-p", "--allowedTools", "Bash", "--", "hello"];
        iter::once(program).chain(arguments.map(OsString::from)).collect()
    }

    /// A call of it, in the folder of the project.
    pub fn call(&self) -> Call<'_> {
        let command = self.command();
        self.sandbox.call(&command[0], &[]).args(&command[1..]).in_folder(&self.project())
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
