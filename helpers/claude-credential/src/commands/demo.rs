//! `demo`: shows and measures what the dispatcher does for Claude Code, with no account, no network and a home of its
//! own.
//!
//! The chain's first entry is empty and its second mints a new key in 300 ms; it is called as Claude Code calls it. Each
//! line is a check, and one that fails makes the exit code 1.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claude_credential_files::{ensure_folder, hex, random};
use claude_credential_protocol::{Error, text};

use crate::chain::{Availability, resolve};
use crate::context::Context;
use crate::failure::Failure;
use crate::query::profile;

/// How many callers ask at once: as many as a busy machine has sessions and scripts.
const CROWD: usize = 50;

const WARM_CALLS: usize = 21;

/// Claude Code's pause after a refusal.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(1);

const CONFIG: &str = r#"
[profile.default]
chain = ["empty", "mint"]

[entry.empty]
helper = "apikey"
args = ["--source", "kept"]

[entry.mint]
shell = 'sleep 0.3; echo >> "$HOME/runs"; echo "demo-key-$(wc -l < "$HOME/runs" | tr -d " ")"'
vary = []
"#;

pub(crate) fn run(context: &Context) -> Result<u8, Failure> {
    let failed = |error: io::Error| Error::broke(format!("the demo can't run: {error}"));
    let program = std::env::current_exe().map_err(failed)?;
    let home = TemporaryHome::new().map_err(failed)?;
    let mut demo = Demo {
        program: program.clone(),
        home: home.0.clone(),
        out: Box::new(io::stdout()),
        failed_checks: 0,
        sockets: RefCell::default(),
    };
    demo.run().map_err(failed)?;
    demo.show_next_step(context, &program).map_err(failed)?;
    Ok(u8::from(demo.failed_checks > 0))
}

/// A home folder that is removed when the demo ends.
struct TemporaryHome(PathBuf);

impl TemporaryHome {
    fn new() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("claude-credential-demo-{}", hex(&random::<8>())));
        let home = Self(folder);
        for folder in [&home.0, &home.0.join("run"), &home.0.join(".config/claude-credential")] {
            ensure_folder(folder).map_err(io::Error::other)?;
        }
        fs::write(home.0.join(".config/claude-credential/config.toml"), CONFIG)?;
        Ok(home)
    }
}

impl Drop for TemporaryHome {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Demo {
    program: PathBuf,
    home: PathBuf,
    out: Box<dyn Write>,
    failed_checks: usize,
    /// The callers' stdin, kept open as long as the demo runs: Claude Code never closes it either.
    sockets: RefCell<Vec<UnixStream>>,
}

impl Demo {
    fn run(&mut self) -> io::Result<()> {
        writeln!(self.out, "claude-credential demo: no account, no network, a home of its own")?;
        let started = Instant::now();
        let first = self.call("one")?;
        let cold = started.elapsed();
        let listed = self.command(&["cache", "list"]).output()?;
        let answered = String::from_utf8_lossy(&listed.stdout).contains("entry mint");
        self.check("chain", answered, "the first entry had nothing, the second one answered")?;
        let measured = format!("{} for a source of 300 ms, {} run", milliseconds(cold), self.runs());
        self.check("cold", first == "demo-key-1" && self.runs() == 1, &measured)?;

        let mut times = Vec::new();
        let mut same = true;
        for caller in 0..WARM_CALLS {
            let started = Instant::now();
            same &= self.call(&format!("warm {caller}"))? == first;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        let measured = format!("{} (median of {WARM_CALLS}), source not run", milliseconds(times[WARM_CALLS / 2]));
        self.check("warm", same && self.runs() == 1, &measured)?;

        self.command(&["cache", "clear"]).output()?;
        let before = self.runs();
        let started = Instant::now();
        let crowd: Vec<Child> =
            (0..CROWD).map(|caller| self.start(&format!("crowd {caller}"))).collect::<Result<_, _>>()?;
        let answers: Vec<String> = crowd.into_iter().map(output).collect::<Result<_, _>>()?;
        let took = started.elapsed();
        let equal = answers.iter().filter(|answer| **answer == answers[0] && !answer.is_empty()).count();
        let runs = self.runs() - before;
        let took = milliseconds(took);
        let measured = format!("{CROWD} callers on a cold cache in {took}: {runs} run, {equal} equal answers");
        self.check("crowd", runs == 1 && equal == CROWD, &measured)?;

        let refused = self.call("one")?;
        std::thread::sleep(PAUSE_AFTER_REFUSAL);
        let before = self.runs();
        let another = self.call("one")?;
        let runs = self.runs() - before;
        let is_another = !another.is_empty() && another != refused;
        let measured = format!(
            "the client came back for it after 1 s: {} key, {runs} run",
            if is_another { "another" } else { "the same" }
        );
        self.check("refused", is_another && runs == 1, &measured)
    }

    /// The entries of the user's own chain that have something, by name, and what the user does next.
    fn show_next_step(&mut self, context: &Context, program: &Path) -> io::Result<()> {
        let profile = profile::choose(context).ok();
        let is_available = |name: &String| {
            let entry = profile.as_ref().and_then(|profile| resolve(name, profile, context));
            entry.is_some_and(|entry| matches!(entry.availability, Availability::Ready | Availability::Variable))
        };
        let chain = profile.iter().flat_map(|profile| profile.chain.clone());
        let available: Vec<String> = chain.filter(is_available).collect();
        let program = text::one_line(&program.display().to_string());
        if available.is_empty() {
            writeln!(self.out, "  yours    no credential yet\nnext: {program} login api-key")
        } else {
            writeln!(self.out, "  yours    found by your chain: {}", available.join(", "))?;
            writeln!(
                self.out,
                "next: put this into ~/.claude/settings.json: \"apiKeyHelper\": \"{program} api-key-helper\""
            )
        }
    }

    fn check(&mut self, name: &str, passed: bool, measured: &str) -> io::Result<()> {
        self.failed_checks += usize::from(!passed);
        writeln!(self.out, "{} {name:<8} {measured}", if passed { '✓' } else { '✗' })
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.home.join("runs")).map_or(0, |runs| runs.lines().count())
    }

    fn call(&self, client: &str) -> io::Result<String> {
        output(self.start(client)?)
    }

    /// Starts `api-key-helper` as Claude Code does: through a shell, with a socket on stdin that gives nothing and never
    /// ends.
    fn start(&self, client: &str) -> io::Result<Child> {
        let (stdin, socket) = UnixStream::pair()?;
        let setting = format!("'{}' api-key-helper", self.program.display().to_string().replace('\'', r"'\''"));
        let mut command = self.environment(Command::new("/bin/sh"));
        command.arg("-c").arg(setting).env("CLAUDE_CODE_MESSAGING_TOKEN", client).env("AI_AGENT", "demo_harness");
        let child = command.stdin(OwnedFd::from(stdin)).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        self.sockets.borrow_mut().push(socket);
        child
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.environment(Command::new(&self.program));
        command.args(words).stdin(Stdio::null());
        command
    }

    fn environment(&self, mut command: Command) -> Command {
        command.env_clear().current_dir(&self.home).env("HOME", &self.home).env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("XDG_RUNTIME_DIR", self.home.join("run"));
        command
    }
}

fn output(child: Child) -> io::Result<String> {
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
