//! Homes for what is measured: ours with a configuration each, and nothing of the user's own.

use std::error::Error;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The shape of a real key.
pub(crate) const KEY_LENGTH: usize = 108;

/// What an environment is full of on a desktop: programs copy it, and we hash it.
const USUAL: usize = 30;

/// All homes, and what they share.
pub(crate) struct Bench {
    folder: TempDir,
    /// Where a desktop's runtime folder is.
    memory: TempDir,
    bin: PathBuf,
    /// A made-up key.
    pub(crate) key: String,
    path: std::ffi::OsString,
}

impl Bench {
    pub(crate) fn new(bin: &Path) -> io::Result<Self> {
        let mut named = tempfile::Builder::new();
        let named = named.prefix("bench.");
        let folder = named.tempdir()?;
        let memory = named.tempdir_in("/dev/shm").or_else(|_| named.tempdir())?;
        let key = format!("sk-ant-api03-{}", "m".repeat(KEY_LENGTH - 13));
        let bench =
            Self { folder, memory, bin: bin.canonicalize()?, key, path: std::env::var_os("PATH").unwrap_or_default() };
        DirBuilder::new().mode(0o700).create(bench.root().join("home"))?;
        write(&bench.key_file(), &format!("{}\n", bench.key))?;
        write(&bench.request_file(), "protocol=https\nhost=api.anthropic.com\n\n")?;
        Ok(bench)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// What `cat` prints.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.root().join("key")
    }

    /// What git's helpers are asked.
    pub(crate) fn request_file(&self) -> PathBuf {
        self.root().join("request")
    }

    /// One of our executables.
    pub(crate) fn ours(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Any program that is installed.
    pub(crate) fn installed(&self, name: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path).map(|folder| folder.join(name)).find(|file| file.is_file())
    }

    /// A program with the environment that all have.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        let home = self.root().join("home");
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", &home);
        command.current_dir(home);
        for number in 0..USUAL {
            command
                .env(format!("DESKTOP_VARIABLE_{number:02}"), "of a length that is not unusual, such as a path has it");
        }
        command
    }

    pub(crate) fn fixture(&self, name: &str, config: &str) -> io::Result<Fixture<'_>> {
        let home = self.root().join(name);
        let run = self.memory.path().join(name);
        for folder in [&home, &run, &home.join(".config"), &home.join(".config/claude-credential")] {
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        if !config.is_empty() {
            write(&home.join(".config/claude-credential/config.toml"), config)?;
        }
        Ok(Fixture { bench: self, home, run })
    }

    /// An entry that counts its runs and prints the key.
    pub(crate) fn counted(&self, name: &str) -> String {
        format!("[entry.{name}]\nshell = 'echo run >>\"$HOME/runs\"; cat {}'\n", self.key_file().display())
    }

    /// Warm is what starts nothing: whichever source counts its runs has been run once for each question.
    pub(crate) fn is_as_it_should_be(&self) -> Result<(), Box<dyn Error>> {
        for home in fs::read_dir(self.root())? {
            let home = home?.path();
            let Ok(runs) = fs::read_to_string(home.join("runs")) else { continue };
            let expected: usize = fs::read_to_string(home.join("questions"))?.trim().parse()?;
            let runs = runs.lines().count();
            if runs != expected {
                return Err(format!("{}: {runs} runs in place of {expected}: it was not warm", home.display()).into());
            }
        }
        Ok(())
    }
}

/// A home of ours.
pub(crate) struct Fixture<'a> {
    bench: &'a Bench,
    pub(crate) home: PathBuf,
    run: PathBuf,
}

impl Fixture<'_> {
    /// One of our executables in this home.
    pub(crate) fn call(&self, program: &str, words: &[&str]) -> Command {
        let mut command = self.shell_free(self.bench.ours(program));
        command.args(words);
        command
    }

    /// Any program in this home.
    pub(crate) fn shell_free(&self, program: impl AsRef<Path>) -> Command {
        let mut command = self.bench.command(program);
        command.env("HOME", &self.home).env("XDG_RUNTIME_DIR", &self.run).current_dir(&self.home);
        command
    }

    /// How many runs it takes to answer all questions that are asked here, once each.
    pub(crate) fn expects_runs(&self, runs: usize) -> io::Result<()> {
        write(&self.home.join("questions"), &runs.to_string())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let file = self.home.join(name);
        write(&file, text)?;
        Ok(file)
    }

    /// Our folder of answers.
    pub(crate) fn runtime(&self) -> PathBuf {
        self.run.join("claude-credential")
    }
}

/// Runs something that has to be done before measuring.
pub(crate) fn done(command: &mut Command, input: &str) -> Result<(), Box<dyn Error>> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or("no stdin")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let program = command.get_program().display();
    Err(format!("{program}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()).into())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
