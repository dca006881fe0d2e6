use std::ffi::OsStr;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use claude_credential_battery as battery;

use crate::{Call, executable, tool};

/// The executables that a sandbox has unless a test names others. The helpers of the clouds are not among them: without
/// servers for them they would ask the machine that the tests run on for its own credentials.
const PRODUCT: [&str; 3] = ["claude-credential", "claude-credential-apikey", "claude-credential-oauth"];

/// The battery's sandbox, with the executables of the workspace and the files of the product.
#[derive(Debug)]
pub struct Sandbox(battery::Sandbox);

impl Sandbox {
    /// With all executables.
    #[must_use]
    pub fn new() -> Self {
        Self::with_executables(&[&PRODUCT[..], &["claude-credential-fake"]].concat())
    }

    /// With these executables alone.
    #[must_use]
    pub fn with_executables(names: &[&str]) -> Self {
        let sandbox = Self(battery::Sandbox::new());
        for name in names {
            sandbox.install(name, name);
        }
        sandbox
    }

    /// Puts an executable of the workspace into the sandbox's folder of them, under a name.
    pub fn install(&self, name: &str, as_name: &str) {
        self.0.install(executable(name), as_name);
    }

    /// A variable for every run from here on.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.0.set(name, value);
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.0.unset(name);
    }

    /// Where cache, states and locks are.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.root().join("run/claude-credential")
    }

    /// `config.toml`.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.home().join(".config/claude-credential/config.toml")
    }

    /// Writes `config.toml`.
    pub fn config(&self, text: &str) -> PathBuf {
        self.write(self.config_file(), text)
    }

    /// Writes Claude Code's user settings.
    pub fn settings(&self, settings: &serde_json::Value) -> PathBuf {
        self.write(".claude/settings.json", settings.to_string())
    }

    /// The dispatcher.
    pub fn dispatcher(&self, args: &[&str]) -> Call<'_> {
        self.call(self.bin("claude-credential"), args)
    }

    /// `claude-credential print`, to be run.
    pub fn print(&self) -> Call<'_> {
        self.dispatcher(&["print"]).shows_secret()
    }

    /// Real git, with nobody's configuration.
    pub fn git(&self, args: &[&str]) -> Call<'_> {
        self.call(tool("git").expect("git is installed"), args)
            .with("GIT_CONFIG_NOSYSTEM", "1")
            .with("GIT_CONFIG_GLOBAL", "/dev/null")
            .with("GIT_TERMINAL_PROMPT", "0")
    }

    /// Gives everything but the executables to another user.
    pub fn give_to(&self, uid: u32) {
        for name in ["home", "run", "fakes"] {
            give(&self.root().join(name), uid);
        }
    }

    /// The files of the product that hold a secret.
    pub fn files_with_secrets(&self) -> Vec<PathBuf> {
        let stores = [self.runtime(), self.home().join(".cache"), self.home().join(".local/share")];
        let mut found: Vec<PathBuf> = stores.iter().flat_map(|store| files_in(store)).collect();
        found.retain(|path| fs::read(path).is_ok_and(|bytes| self.canary().is_in(&bytes)));
        found
    }

    /// The files in the product's folder of caches, states and locks.
    pub fn runtime_files(&self) -> Vec<PathBuf> {
        files_in(&self.runtime())
    }
}

impl Deref for Sandbox {
    type Target = battery::Sandbox;

    fn deref(&self) -> &battery::Sandbox {
        &self.0
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Sandbox> for battery::Sandbox {
    fn from(sandbox: Sandbox) -> Self {
        sandbox.0
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let found = entries.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] });
    found.collect()
}

fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).expect("root gives files away");
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a folder");
        entries.flatten().for_each(|entry| give(&entry.path(), uid));
    }
}
