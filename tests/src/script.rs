//! What a fake helper does, call by call, and what it heard. Written and read as JSON by tests and helper.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The nth `get` does the nth step; the last one is repeated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Script {
    /// What it does.
    pub steps: Vec<Step>,
    /// Speaks git's own protocol and nothing more.
    pub plain: bool,
}

/// What one `get` does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Takes that long first.
    pub delay_ms: u64,
    /// Waits first until this file is there.
    pub gate: Option<PathBuf>,
    /// And then.
    pub does: Does,
}

/// How a `get` ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Does {
    /// Answers with a secret.
    Answers {
        /// The secret.
        secret: String,
        /// Seconds until it ends.
        expires_in: Option<i64>,
        /// Further lines, as they stand on the wire.
        lines: Vec<String>,
    },
    /// Answers that it has none.
    HasNone,
    /// Says a line on stderr and exits with a code; `quit=1` is said, too.
    Fails {
        /// The code.
        code: u8,
        /// The line.
        stderr: String,
        /// Prints a whole answer before that all the same.
        secret: Option<String>,
    },
    /// Answers with a secret; but where it is to be proved and this file is not there, exits 77.
    AnswersOnceProved {
        /// The secret.
        secret: String,
        /// Proves it.
        file: PathBuf,
    },
    /// Prints these bytes and exits 0.
    Prints(String),
    /// Prints that many MiB.
    Floods(usize),
    /// Answers, but without the last lines.
    Truncates(String),
    /// Says who it is, closes stdout, works on a little, exits 0.
    ClosesStdout,
    /// Never comes back; SIGTERM ends it, unless that is ignored.
    Hangs {
        /// Takes no notice of SIGTERM.
        deaf: bool,
    },
    /// Answers and leaves a process behind that holds stdout.
    LeavesChild(String),
    /// Ends itself by a signal.
    Dies(i32),
}

/// One call of a fake helper, as it saw it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heard {
    /// The operation, or `SIGTERM`.
    pub operation: String,
    /// Its number.
    pub pid: u32,
    /// Who started it.
    pub parent: u32,
    /// The message, with the names of secrets in place of them.
    pub fields: Vec<(String, String)>,
    /// The names of its variables.
    pub variables: Vec<String>,
    /// Where it ran.
    pub folder: PathBuf,
}

impl Script {
    /// One step.
    #[must_use]
    pub fn new(does: Does) -> Self {
        Self::steps([does])
    }

    /// Several steps.
    #[must_use]
    pub fn steps(steps: impl IntoIterator<Item = Does>) -> Self {
        let steps = steps.into_iter().map(|does| Step { delay_ms: 0, gate: None, does });
        Self { steps: steps.collect(), plain: false }
    }

    /// Successive secrets.
    #[must_use]
    pub fn secrets(secrets: impl IntoIterator<Item = String>) -> Self {
        Self::steps(secrets.into_iter().map(Does::answers))
    }

    /// Has nothing for anybody.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Does::HasNone)
    }

    /// Exits with `code`.
    #[must_use]
    pub fn failure(code: u8, stderr: &str) -> Self {
        Self::new(Does::Fails { code, stderr: stderr.to_owned(), secret: None })
    }

    /// Every step takes that long.
    #[must_use]
    pub fn slow(mut self, delay_ms: u64) -> Self {
        self.steps.iter_mut().for_each(|step| step.delay_ms = delay_ms);
        self
    }

    /// Every step waits until `gate` is there.
    #[must_use]
    pub fn behind(mut self, gate: &Path) -> Self {
        self.steps.iter_mut().for_each(|step| step.gate = Some(gate.to_owned()));
        self
    }

    /// Speaks git's own protocol and nothing more.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The script in a file.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        serde_json::from_slice(&fs::read(path).expect("a script")).expect("a script in JSON")
    }

    /// Into a file.
    pub fn save(&self, path: &Path) {
        fs::write(path, serde_json::to_vec(self).expect("a script in JSON")).expect("a file for a script");
    }
}

impl Does {
    /// Answers with `secret` and nothing else.
    #[must_use]
    pub fn answers(secret: String) -> Self {
        Self::answers_with(secret, &[])
    }

    /// Answers with `secret` and further lines.
    #[must_use]
    pub fn answers_with(secret: String, lines: &[&str]) -> Self {
        Self::Answers { secret, expires_in: None, lines: lines.iter().map(|line| (*line).to_owned()).collect() }
    }

    /// Answers with `secret`, which ends in that many seconds.
    #[must_use]
    pub fn answers_until(secret: String, seconds: i64) -> Self {
        Self::Answers { secret, expires_in: Some(seconds), lines: Vec::new() }
    }
}

impl Heard {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The name of the secret that it was told is refused.
    #[must_use]
    pub fn rejected(&self) -> Option<&str> {
        (self.get("claude.reason") == Some("rejected")).then(|| self.get("credential").unwrap_or("no secret"))
    }
}
