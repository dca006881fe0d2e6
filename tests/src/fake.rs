use std::fs;
use std::path::{Path, PathBuf};

use crate::script::{Heard, Script};
use crate::{Sandbox, process};

/// A helper that does as a script says, as an entry of a chain. The executable is `claude-credential-fake`.
#[derive(Debug)]
pub struct Fake {
    name: String,
    script: PathBuf,
    executable: PathBuf,
}

impl Fake {
    pub(crate) fn new(sandbox: &Sandbox, name: &str, script: &Script) -> Self {
        let path = sandbox.root().join("fakes").join(name).with_extension("json");
        // Known to the sandbox as a file that holds secrets.
        sandbox.write(&path, "");
        let fake = Self { name: name.to_owned(), script: path, executable: sandbox.bin("claude-credential-fake") };
        fake.does(script);
        fake
    }

    /// The name of its entry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From now on it does something else; what it heard stays.
    pub fn does(&self, script: &Script) {
        script.save(&self.script);
    }

    /// Its entry in `config.toml`.
    #[must_use]
    pub fn entry(&self) -> String {
        self.entry_with("")
    }

    /// Its entry, with further lines.
    #[must_use]
    pub fn entry_with(&self, lines: &str) -> String {
        let (_, args) = self.helper();
        format!("[entry.{}]\nhelper = \"fake\"\nargs = {args:?}\n{lines}\n\n", self.name)
    }

    /// An entry that runs it as a command that prints a key.
    #[must_use]
    pub fn command_entry(&self, lines: &str) -> String {
        let command = [self.executable.as_path(), Path::new("--script"), &self.script, Path::new("key")];
        format!("[entry.{}]\ncommand = {command:?}\n{lines}\n\n", self.name)
    }

    /// The command for a shell that prints a key.
    #[must_use]
    pub fn command(&self) -> String {
        format!("{} --script {} key", self.executable.display(), self.script.display())
    }

    /// The command line that runs it as a helper, less the operation.
    #[must_use]
    pub fn helper(&self) -> (&Path, [&str; 2]) {
        (&self.executable, ["--script", self.script.to_str().expect("a temporary path is UTF-8")])
    }

    /// All calls, oldest first.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        let log = fs::read_to_string(log_of(&self.script)).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).expect("a line of the log")).collect()
    }

    /// How often a credential was asked for.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.heard().iter().filter(|heard| matches!(heard.operation.as_str(), "get" | "key")).count()
    }

    /// The last call of that operation.
    #[must_use]
    pub fn last(&self, operation: &str) -> Option<Heard> {
        self.heard().into_iter().rev().find(|heard| heard.operation == operation)
    }

    /// Waits until it has been called that often.
    pub fn wait_for_runs(&self, runs: usize) {
        crate::wait_until(|| self.runs() >= runs);
    }

    /// Whether any of its processes still runs.
    #[must_use]
    pub fn still_runs(&self) -> bool {
        self.heard().iter().any(|heard| process::runs(heard.pid))
    }
}

/// Beside the script.
#[must_use]
pub fn log_of(script: &Path) -> PathBuf {
    script.with_extension("log")
}

impl Sandbox {
    /// A helper that does as a script says.
    pub fn fake(&self, name: &str, script: &Script) -> Fake {
        Fake::new(self, name, script)
    }

    /// Makes a chain of `fakes` the default profile.
    pub fn chain(&self, fakes: &[&Fake]) -> PathBuf {
        let names: Vec<&str> = fakes.iter().map(|fake| fake.name()).collect();
        let entries: String = fakes.iter().map(|fake| fake.entry()).collect();
        self.config(&format!("[profile.default]\nchain = {names:?}\n\n{entries}"))
    }
}
