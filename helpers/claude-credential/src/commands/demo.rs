//! `demo`: the main job, shown and measured, with no account, no network and a home of its own.
//!
//! A chain whose first entry is empty and whose second mints a new key in 300 ms, called as the client calls it. Each
//! line is a check: one that misses makes the exit 1.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claude_credential_files::{ensure_folder, hex, random};
use claude_credential_protocol::Error;

use crate::chain::entry::Availability;
use crate::chain::resolve::resolve;
use crate::context::Context;
use crate::failure::Failure;
use crate::query::profile;

/// How many ask at once: as many as a busy machine has sessions and scripts.
const CROWD: usize = 50;

const WARM_CALLS: usize = 21;

/// The client's pause after a refusal.
const CLIENTS_PAUSE: Duration = Duration::from_secs(1);

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
    let broke = |error: io::Error| Error::broke(format!("the demo can't run: {error}"));
    let own = std::env::current_exe().map_err(broke)?;
    let home = Home::new().map_err(broke)?;
    let mut stage = Stage {
        program: own.clone(),
        home: home.0.clone(),
        out: Box::new(io::stdout()),
        missed: 0,
        sockets: RefCell::default(),
    };
    stage.play().map_err(broke)?;
    stage.yours(context, &own).map_err(broke)?;
    Ok(u8::from(stage.missed > 0))
}

/// A folder that goes when the demo does.
struct Home(PathBuf);

impl Home {
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

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Stage {
    program: PathBuf,
    home: PathBuf,
    out: Box<dyn Write>,
    missed: usize,
    sockets: RefCell<Vec<UnixStream>>,
}

impl Stage {
    fn play(&mut self) -> io::Result<()> {
        writeln!(self.out, "claude-credential demo: no account, no network, a home of its own")?;
        let started = Instant::now();
        let first = self.ask("one")?;
        let cold = started.elapsed();
        let listed = self.command(&["cache", "list"]).output()?;
        let answered = String::from_utf8_lossy(&listed.stdout).contains("entry mint");
        self.line("chain", answered, "the first entry had nothing, the second one answered")?;
        let found = format!("{} for a source of 300 ms, {} run", shown(cold), self.runs());
        self.line("cold", first == "demo-key-1" && self.runs() == 1, &found)?;

        let mut times = Vec::new();
        let mut same = true;
        for caller in 0..WARM_CALLS {
            let started = Instant::now();
            same &= self.ask(&format!("warm {caller}"))? == first;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        let found = format!("{} (median of {WARM_CALLS}), source not run", shown(times[WARM_CALLS / 2]));
        self.line("warm", same && self.runs() == 1, &found)?;

        self.command(&["cache", "clear"]).output()?;
        let before = self.runs();
        let started = Instant::now();
        let crowd: Vec<Child> =
            (0..CROWD).map(|caller| self.start(&format!("crowd {caller}"))).collect::<Result<_, _>>()?;
        let answers: Vec<String> = crowd.into_iter().map(finish).collect::<Result<_, _>>()?;
        let took = started.elapsed();
        let equal = answers.iter().filter(|answer| **answer == answers[0] && !answer.is_empty()).count();
        let runs = self.runs() - before;
        let found = format!("{CROWD} callers on a cold cache in {}: {runs} run, {equal} equal answers", shown(took));
        self.line("crowd", runs == 1 && equal == CROWD, &found)?;

        let refused = self.ask("one")?;
        std::thread::sleep(CLIENTS_PAUSE);
        let before = self.runs();
        let another = self.ask("one")?;
        let runs = self.runs() - before;
        let is_another = !another.is_empty() && another != refused;
        let found = format!(
            "the client came back for it after 1 s: {} key, {runs} run",
            if is_another { "another" } else { "the same" }
        );
        self.line("refused", is_another && runs == 1, &found)
    }

    /// What there is of the user's own, by name, and what to type next.
    fn yours(&mut self, context: &Context, own: &Path) -> io::Result<()> {
        let profile = profile::choose(context).ok();
        let is_there = |name: &String| {
            let entry = profile.as_ref().and_then(|profile| resolve(name, profile, context));
            entry.is_some_and(|entry| matches!(entry.availability, Availability::Ready | Availability::Variable))
        };
        let chain = profile.iter().flat_map(|profile| profile.chain.clone());
        let found: Vec<String> = chain.filter(is_there).collect();
        let own = own.display();
        if found.is_empty() {
            writeln!(self.out, "  yours    no credential yet\nnext: {own} login api-key")
        } else {
            writeln!(self.out, "  yours    found by your chain: {}", found.join(", "))?;
            writeln!(
                self.out,
                "next: put this into ~/.claude/settings.json: \"apiKeyHelper\": \"{own} api-key-helper\""
            )
        }
    }

    fn line(&mut self, name: &str, holds: bool, found: &str) -> io::Result<()> {
        self.missed += usize::from(!holds);
        writeln!(self.out, "{} {name:<8} {found}", if holds { '✓' } else { '✗' })
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.home.join("runs")).map_or(0, |runs| runs.lines().count())
    }

    fn ask(&self, client: &str) -> io::Result<String> {
        finish(self.start(client)?)
    }

    /// As the client does it: through a shell, with a socket on stdin that gives nothing and never ends.
    fn start(&self, client: &str) -> io::Result<Child> {
        let (theirs, ours) = UnixStream::pair()?;
        let setting = format!("'{}' api-key-helper", self.program.display().to_string().replace('\'', r"'\''"));
        let mut command = self.environment(Command::new("/bin/sh"));
        command.arg("-c").arg(setting).env("CLAUDE_CODE_MESSAGING_TOKEN", client).env("AI_AGENT", "demo_harness");
        let child = command.stdin(OwnedFd::from(theirs)).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        // Open as long as the demo runs: the client never closes it either.
        self.sockets.borrow_mut().push(ours);
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

fn finish(child: Child) -> io::Result<String> {
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn shown(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}
