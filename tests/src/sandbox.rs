use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tempfile::TempDir;

use crate::script::Script;
use crate::{Call, Canary, Fake, executable, process, tool};

/// What every home has. The helpers of the clouds are put there by the tests that have servers for them: elsewhere nothing
/// must ask the machine that the tests run on for its own credentials.
const PRODUCT: [&str; 3] = ["claude-credential", "claude-credential-apikey", "claude-credential-oauth"];

/// A home of its own: folders, variables and executables of one test and of nobody else.
///
/// When it ends, every secret of it has to be where it was asked for, and nowhere else.
#[derive(Debug)]
pub struct Sandbox {
    _folder: TempDir,
    root: PathBuf,
    canary: Canary,
    variables: BTreeMap<OsString, OsString>,
    runs: AtomicUsize,
    leaks: Mutex<BTreeSet<String>>,
    written: Mutex<BTreeSet<PathBuf>>,
}

impl Sandbox {
    /// With all executables.
    #[must_use]
    pub fn new() -> Self {
        Self::with_executables(&[&PRODUCT[..], &["claude-credential-fake"]].concat())
    }

    /// With these executables alone.
    #[must_use]
    pub fn with_executables(names: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("claude-credential-test.").tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("its real path");
        // Other users of the tests have to get through to their home; what is private in it is closed by itself.
        fs::set_permissions(&root, Permissions::from_mode(0o755)).expect("its mode");
        for name in ["bin", "fakes", "io", "home/.config", "home/.local/share", "home/.cache"] {
            fs::create_dir_all(root.join(name)).expect("a folder");
        }
        DirBuilder::new().mode(0o700).create(root.join("run")).expect("a folder");
        let home = root.join("home");
        let path = format!("{}:/usr/bin:/bin", root.join("bin").display());
        let variables = [
            ("PATH", path.into()),
            ("LANG", "C.UTF-8".into()),
            ("HOME", home.clone().into()),
            ("XDG_CONFIG_HOME", home.join(".config").into()),
            ("XDG_DATA_HOME", home.join(".local/share").into()),
            ("XDG_CACHE_HOME", home.join(".cache").into()),
            ("XDG_RUNTIME_DIR", root.join("run").into()),
        ];
        let sandbox = Self {
            _folder: folder,
            root,
            canary: Canary::new(),
            variables: variables.into_iter().map(|(name, value): (&str, OsString)| (name.into(), value)).collect(),
            runs: AtomicUsize::default(),
            leaks: Mutex::default(),
            written: Mutex::default(),
        };
        for name in names {
            sandbox.install(name, name);
        }
        sandbox
    }

    /// Puts an executable of the workspace into the sandbox's folder of them, under a name.
    pub fn install(&self, name: &str, as_name: &str) {
        // Not a symbolic link: helpers are looked for beside the real place of an executable.
        let (from, to) = (executable(name), self.bin(as_name));
        if fs::hard_link(from, &to).is_err() {
            let _starting = process::starting();
            fs::copy(from, &to).expect("a copy of an executable");
        }
    }

    /// The folder that holds everything.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// HOME.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// Where cache, states and locks are.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.root.join("run/claude-credential")
    }

    /// An executable in the first folder of PATH.
    #[must_use]
    pub fn bin(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// `config.toml`.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.home().join(".config/claude-credential/config.toml")
    }

    /// The word in every secret.
    #[must_use]
    pub fn canary(&self) -> &Canary {
        &self.canary
    }

    /// A made-up secret of that name.
    #[must_use]
    pub fn secret(&self, name: &str) -> String {
        self.canary.secret(name)
    }

    /// So many made-up secrets: `key-1`, `key-2` and so on.
    pub fn keys(&self, count: usize) -> Vec<String> {
        (1..=count).map(|number| self.secret(&format!("key-{number}"))).collect()
    }

    /// A variable for every run from here on.
    pub fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.variables.insert(name.into(), value.as_ref().to_owned());
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(OsStr::new(name));
    }

    /// Writes a file of mode 0600, relative to HOME. A secret in it is no leak.
    pub fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder of a file");
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its mode");
        self.written.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
        path
    }

    /// Writes a script for `/bin/sh` into the first folder of PATH.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let _starting = process::starting();
        let path = self.write(self.bin(name), format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its mode");
        path
    }

    /// Writes `config.toml`.
    pub fn config(&self, text: &str) -> PathBuf {
        self.write(self.config_file(), text)
    }

    /// Writes Claude Code's user settings.
    pub fn settings(&self, settings: &serde_json::Value) -> PathBuf {
        self.write(".claude/settings.json", settings.to_string())
    }

    /// A folder below HOME.
    #[must_use]
    pub fn folder(&self, path: &str) -> PathBuf {
        let folder = self.home().join(path);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

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

    /// Any program, by its path.
    pub fn call(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Call<'_> {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.variables).current_dir(self.home());
        Call::new(self, command)
    }

    /// Gives everything but the executables to another user.
    pub fn give_to(&self, uid: u32) {
        for name in ["home", "run", "fakes"] {
            give(&self.root.join(name), uid);
        }
    }

    /// A secret is where none belongs.
    pub fn leaked(&self, place: String) {
        self.leaks.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
    }

    pub(crate) fn next_run(&self) -> PathBuf {
        self.root.join("io").join(self.runs.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// The files of the product that hold a secret.
    pub fn files_with_secrets(&self) -> Vec<PathBuf> {
        let stores = [self.runtime(), self.home().join(".cache"), self.home().join(".local/share")];
        let mut found: Vec<PathBuf> = stores.iter().flat_map(|store| files_in(store)).collect();
        found.retain(|path| fs::read(path).is_ok_and(|bytes| self.canary.is_in(&bytes)));
        found
    }

    /// The files in the product's folder of caches, states and locks.
    pub fn runtime_files(&self) -> Vec<PathBuf> {
        files_in(&self.runtime())
    }

    fn search(&self) -> Vec<String> {
        let mut leaks: Vec<String> =
            self.leaks.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        // What we wrote ourselves, and the outputs, which were searched as they came.
        let known = |path: &Path| {
            written.contains(path) || path.starts_with(self.root.join("io")) || path.starts_with(self.root.join("bin"))
        };
        self.canary.search(&self.root, &known, &mut leaks);
        leaks
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !thread::panicking() {
            let leaks = self.search();
            assert!(leaks.is_empty(), "a secret is in {leaks:#?}");
        }
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
