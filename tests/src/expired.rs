use std::fs;
use std::path::{Path, PathBuf};

use crate::script::{Does, Script};
use crate::{Call, Fake, Output, Running, Sandbox, process, wait_until};

/// An entry whose credential is not good before `sign-in` was run.
#[derive(Debug)]
pub struct Expired {
    /// Where it is the default profile's whole chain.
    pub sandbox: Sandbox,
    /// Its helper.
    pub fake: Fake,
    name: String,
}

impl Default for Expired {
    fn default() -> Self {
        Self::new()
    }
}

impl Expired {
    /// The user's own entry `acme`.
    #[must_use]
    pub fn new() -> Self {
        Self::with("acme", |_, fake| fake.entry())
    }

    /// With the entry for a cloud that is there without being written.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::with(name, |sandbox, fake| {
            let (executable, [option, script]) = fake.helper();
            let helper = format!("claude-credential-{name}");
            sandbox.script(&helper, &format!("exec {} {option} {script} \"$@\"", executable.display()));
            String::new()
        })
    }

    fn with(name: &str, entry: impl Fn(&Sandbox, &Fake) -> String) -> Self {
        let sandbox = Sandbox::new();
        let fake = sandbox.fake(name, &Script::none());
        let fixture = Self { name: name.to_owned(), sandbox, fake };
        let chain = format!("[profile.default]\nchain = [{name:?}]\n\n");
        fixture.sandbox.config(&(chain + &entry(&fixture.sandbox, &fixture.fake)));
        let secret = fixture.sandbox.secret("key-1");
        fixture.fake.does(&Script::new(Does::AnswersOnceProved { secret, file: fixture.signed_in() }));
        fixture.signs_in_by("echo open the browser; echo a warning >&2");
        fixture
    }

    /// The file that says that it is good.
    #[must_use]
    pub fn signed_in(&self) -> PathBuf {
        self.sandbox.root().join("signed-in")
    }

    /// Makes it good.
    pub fn sign_in(&self) {
        fs::write(self.signed_in(), "").expect("a file");
    }

    /// Makes it as it was.
    pub fn sign_out(&self) {
        fs::remove_file(self.signed_in()).expect("a file");
    }

    /// What `sign-in` does between its beginning and its success.
    pub fn signs_in_by(&self, work: &str) {
        let (runs, signed_in) = (self.log(), self.signed_in());
        let text = format!("echo $$ >>{}\n{work}\n: >{}", runs.display(), signed_in.display());
        self.sandbox.script("sign-in", &text);
    }

    /// It waits for a file, whose name this is.
    #[must_use]
    pub fn behind_a_gate(&self) -> PathBuf {
        let gate = self.sandbox.root().join("gate");
        self.signs_in_by(&waits_for(&gate));
        gate
    }

    fn log(&self) -> PathBuf {
        self.sandbox.root().join("runs")
    }

    /// How often `sign-in` was run.
    pub fn runs(&self) -> usize {
        fs::read_to_string(self.log()).unwrap_or_default().lines().count()
    }

    /// The first of them.
    pub fn command_pid(&self) -> u32 {
        let log = fs::read_to_string(self.log()).expect("a run");
        log.lines().next().and_then(|pid| pid.parse().ok()).expect("a number")
    }

    /// `refresh` with the command `sign-in`.
    pub fn refresh(&self) -> Call<'_> {
        self.call(&self.name)
    }

    /// The same with options of the dispatcher.
    pub fn refresh_with(&self, options: &[&str]) -> Call<'_> {
        self.sandbox.dispatcher(options).args(["refresh", &self.name, "--", "sign-in"])
    }

    /// The same for another entry.
    pub fn call(&self, entry: &str) -> Call<'_> {
        self.sandbox.dispatcher(&["refresh", entry, "--", "sign-in"])
    }

    /// That many sessions at once, of which all but one wait when the gate opens.
    #[track_caller]
    pub fn crowd(&self, size: usize, gate: &Path) -> Vec<Output> {
        let running: Vec<_> = (0..size).map(|_| self.refresh().start()).collect();
        let pids: Vec<u32> = running.iter().map(Running::pid).collect();
        wait_until(|| process::waiting_for_locks(&pids) == size - 1);
        fs::write(gate, "").expect("a gate");
        running.into_iter().map(Running::finish).collect()
    }
}

/// The command for a shell that waits for a file.
#[must_use]
pub fn waits_for(gate: &Path) -> String {
    format!("while [ ! -e {} ]; do sleep 0.02; done", gate.display())
}
