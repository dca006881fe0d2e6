use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tempfile::TempDir;

use crate::{Canary, process};

/// A home of its own: the folders, variables and executables of one test.
///
/// When it is dropped, it fails if a secret of it lies where none belongs.
#[derive(Debug)]
pub struct Sandbox {
    _folder: TempDir,
    root: PathBuf,
    canary: Canary,
    pub(crate) variables: BTreeMap<OsString, OsString>,
    runs: AtomicUsize,
    leaks: Mutex<BTreeSet<String>>,
    written: Mutex<BTreeSet<PathBuf>>,
}

impl Sandbox {
    /// With empty folders, and `bin` first in PATH.
    #[must_use]
    pub fn new() -> Self {
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
        Self {
            _folder: folder,
            root,
            canary: Canary::new(),
            variables: variables.into_iter().map(|(name, value): (&str, OsString)| (name.into(), value)).collect(),
            runs: AtomicUsize::default(),
            leaks: Mutex::default(),
            written: Mutex::default(),
        }
    }

    /// Puts the executable `from` into the first folder of PATH, under a name.
    pub fn install(&self, from: &Path, name: &str) {
        // Not a symbolic link: helpers are looked for beside the real place of an executable.
        let to = self.bin(name);
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

    /// An executable in the first folder of PATH.
    #[must_use]
    pub fn bin(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
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

    /// Runs everything with the variables of this process in place of the sandbox's own.
    pub fn use_own_environment(&mut self) {
        self.variables = std::env::vars_os().collect();
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

    /// A folder below HOME.
    #[must_use]
    pub fn folder(&self, path: &str) -> PathBuf {
        let folder = self.home().join(path);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// A secret is where none belongs.
    pub fn leaked(&self, place: String) {
        self.leaks.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
    }

    pub(crate) fn next_run(&self) -> PathBuf {
        self.root.join("io").join(self.runs.fetch_add(1, Ordering::Relaxed).to_string())
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
