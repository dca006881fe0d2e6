use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Call, Canary, Input, Output, Running, Sandbox};

/// What the real client waits before it asks again after a 401.
const AFTER_REFUSAL: Duration = Duration::from_millis(1050);

/// Runs an `apiKeyHelper` setting as Claude Code 2.1.330 does.
#[derive(Debug)]
pub struct Client<'a> {
    sandbox: &'a Sandbox,
    setting: String,
    token: Option<String>,
    variables: Vec<(String, String)>,
    folder: PathBuf,
    asked: Cell<Option<Instant>>,
}

impl<'a> Client<'a> {
    /// A client process with that setting.
    #[must_use]
    pub fn new(sandbox: &'a Sandbox, setting: impl Into<String>) -> Self {
        Self {
            sandbox,
            setting: setting.into(),
            // A secret of the client: it must show up nowhere either.
            token: Some(sandbox.secret(&format!("messaging-token-{:?}", Canary::new()))),
            variables: Vec::new(),
            folder: sandbox.home(),
            asked: Cell::default(),
        }
    }

    /// With the setting that setup writes: the absolute path of the dispatcher.
    #[must_use]
    pub fn usual(sandbox: &'a Sandbox) -> Self {
        Self::new(sandbox, format!("{} api-key-helper", sandbox.bin("claude-credential").display()))
    }

    /// As older clients, without a token of its own.
    #[must_use]
    pub fn without_token(mut self) -> Self {
        self.token = None;
        self
    }

    /// Started with that variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Started in that folder.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        folder.clone_into(&mut self.folder);
        self
    }

    /// Starts the setting.
    #[track_caller]
    pub fn start(&self) -> Running<'a> {
        self.asked.set(Some(Instant::now()));
        self.shell(&self.setting, "harness").input(Input::Socket).shows_secret().start()
    }

    /// Runs the setting.
    #[track_caller]
    pub fn call(&self) -> Output {
        let output = self.start().finish();
        self.asked.set(Some(Instant::now()));
        output
    }

    /// Runs the setting; the name of the key.
    #[track_caller]
    pub fn key(&self) -> String {
        self.call().key()
    }

    /// The server answered 401: a second later the setting is run again; the name of the key.
    #[track_caller]
    pub fn refused(&self) -> String {
        self.idle(AFTER_REFUSAL);
        self.key()
    }

    /// Lets that time pass since it last asked.
    pub fn idle(&self, time: Duration) {
        let since = self.asked.get().map_or(Duration::ZERO, |asked| asked.elapsed());
        thread::sleep(time.saturating_sub(since));
    }

    /// A command that the model runs in the client's shell tool.
    pub fn shell_tool(&self, command: &str) -> Call<'a> {
        self.shell(command, "agent").with("CLAUDECODE", "1")
    }

    fn shell(&self, command: &str, who: &str) -> Call<'a> {
        let mut call = self
            .sandbox
            .call("/bin/sh", &["-c", command])
            .in_folder(&self.folder)
            .with("AI_AGENT", format!("claude-code_2-1-330_{who}"))
            .with("CLAUDE_CODE_ENTRYPOINT", "cli");
        if let Some(token) = &self.token {
            let socket = self.sandbox.root().join(format!("run/claude-{}.sock", std::process::id()));
            call = call.with("CLAUDE_CODE_MESSAGING_SOCKET", socket).with("CLAUDE_CODE_MESSAGING_TOKEN", token);
        }
        for (name, value) in &self.variables {
            call = call.with(name, value);
        }
        call
    }
}
