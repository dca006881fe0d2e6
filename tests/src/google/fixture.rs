use std::path::PathBuf;

use serde_json::Value;

use crate::cloud::{Asked, Cloud, python_program};
use crate::oauth::NOT_GIT;
use crate::{Answer, Call, Output, Sandbox, executable, request, workspace};

/// The host for which it is asked.
pub const HOST: &str = "us-east5-aiplatform.googleapis.com";

const HELPER: &str = "claude-credential-vertex";

/// The variable that names a credentials file.
const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// What `gcloud auth application-default login` writes.
const WELL_KNOWN: &str = ".config/gcloud/application_default_credentials.json";

/// A sandbox with the helper, and with a cloud of its own. The machine's metadata are there and give a token: who falls
/// through to them by mistake shows it.
#[derive(Debug)]
pub struct Fixture {
    /// It.
    pub sandbox: Sandbox,
    /// What it asks.
    pub cloud: Cloud,
}

impl Fixture {
    /// One without credentials but the machine's.
    #[must_use]
    pub fn new() -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.install(HELPER, HELPER);
        let cloud = Cloud::open(&sandbox);
        // The second is where Google's library for Python looks whether anybody is there.
        for name in ["GCE_METADATA_HOST", "GCE_METADATA_IP"] {
            sandbox.set(name, cloud.url("").trim_start_matches("http://"));
        }
        // Whatever logs, logs: and shows no secret.
        sandbox.set("RUST_LOG", "trace");
        Self { sandbox, cloud }
    }

    /// A variable.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.sandbox.set(name, value.as_ref());
    }

    /// This machine is none of a cloud's.
    pub fn no_metadata(&mut self) {
        self.set("NO_GCE_CHECK", "true");
    }

    /// A credentials file that the variable names.
    pub fn credentials(&mut self, file: &Value) -> PathBuf {
        let path = self.sandbox.write("credentials.json", file.to_string());
        self.sandbox.set(VARIABLE, &path);
        path
    }

    /// A credentials file of gcloud's.
    pub fn gcloud(&self, file: &Value) -> PathBuf {
        self.sandbox.write(WELL_KNOWN, file.to_string())
    }

    /// A script in the first folder of PATH that prints `text`, and notes each run in the file `runs`.
    pub fn prints(&self, name: &str, text: &str) -> PathBuf {
        let file = self.sandbox.write(format!("{name}.out"), text);
        self.sandbox.script(name, &format!("echo run >>'{}'\ncat '{}'", self.runs_file().display(), file.display()))
    }

    /// How often such a script was run.
    #[must_use]
    pub fn runs(&self) -> usize {
        std::fs::read_to_string(self.runs_file()).map_or(0, |runs| runs.lines().count())
    }

    /// Where that is noted.
    #[must_use]
    pub fn runs_file(&self) -> PathBuf {
        self.sandbox.root().join("runs")
    }

    /// The helper.
    pub fn helper(&self, args: &[&str]) -> Call<'_> {
        self.sandbox.call(self.sandbox.bin(HELPER), args)
    }

    /// `get`, by a caller who speaks `claude.v1`.
    pub fn get(&self, host: &str, lines: &[&str]) -> Call<'_> {
        self.helper(&["get"]).says(request(host, &[&NOT_GIT, lines].concat())).shows_secret()
    }

    /// google-auth, Google's library for Python, on the same files.
    pub fn python(&self) -> Call<'_> {
        let oracle = workspace().join("tests/servers/oracle.py");
        let oracle = oracle.to_str().expect("a path in UTF-8");
        self.sandbox.call(python_program("python"), &["-B", oracle, &self.cloud.url("")]).shows_secret()
    }

    /// google-cloud-auth, Google's library for Rust, on the same files.
    pub fn rust(&self) -> Call<'_> {
        self.sandbox.call(executable("google-oracle"), &[]).shows_secret()
    }

    /// What it was asked that brings a token, since `before` requests: the questions, in order.
    #[must_use]
    pub fn questions(&self, before: usize) -> Vec<Question> {
        let asked = self.cloud.asked().split_off(before);
        asked.iter().filter_map(Question::of).collect()
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

/// What was asked for, as far as it decides on what is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// `google token` and so on.
    pub name: String,
    /// Grant, audience, scopes, subject token and whatever else there is.
    pub asks: Value,
    /// What Google does not mind.
    pub detail: Value,
}

impl Question {
    fn of(asked: &Asked) -> Option<Self> {
        let json = |name| serde_json::from_str(asked.told(name).unwrap_or("null")).expect("JSON");
        asked.told("question")?;
        Some(Self { name: asked.name().to_owned(), asks: json("question"), detail: json("detail") })
    }
}

/// The token in an answer to `get`.
#[track_caller]
pub(super) fn token_of(output: &Output) -> String {
    let answer = Answer::parse(&output.succeeds().stdout);
    assert!(answer.ended, "the answer has no end");
    assert_eq!((answer.get("claude.kind"), answer.get("authtype")), (Some("bearer"), Some("Bearer")), "{output:#?}");
    answer.get("credential").unwrap_or_else(|| panic!("no token: {:?}", answer.keys())).to_owned()
}
