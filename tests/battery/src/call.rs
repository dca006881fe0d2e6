use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::{Output, Sandbox, process};

/// Longer than any deadline of the product: whoever is not done by then hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// A program about to be run in a sandbox.
#[derive(Debug)]
#[must_use = "nothing runs before `run` or `start`"]
pub struct Call<'a> {
    sandbox: &'a Sandbox,
    command: Command,
    // The variables of this call alone: a failure shows them, and none of those that the sandbox or the machine has.
    variables: Vec<String>,
    input: Input,
    shows_secret: bool,
}

/// What a program finds on stdin.
#[derive(Debug, Clone)]
pub enum Input {
    /// `/dev/null`
    Null,
    /// Bytes, and the end.
    Bytes(Vec<u8>),
    /// Bytes in a pipe, and no end while the program runs.
    Open(Vec<u8>),
    /// A socket that gives neither data nor an end, as Claude Code's.
    Socket,
}

impl<'a> Call<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox, command: Command) -> Self {
        Self { sandbox, command, variables: Vec::new(), input: Input::Null, shows_secret: false }
    }

    /// One argument more.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// A variable of this run alone.
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push(format!("{name}={} ", value.as_ref().display()));
        self.command.env(name, value);
        self
    }

    /// Without a variable that the sandbox has.
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Where to run it, instead of HOME.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads.
    pub fn input(mut self, input: Input) -> Self {
        self.input = input;
        self
    }

    /// A text that it reads, to its end.
    pub fn says(self, text: impl Into<Vec<u8>>) -> Self {
        self.input(Input::Bytes(text.into()))
    }

    /// It is asked to show a secret on stdout. Whatever is not is searched for one.
    pub fn shows_secret(mut self) -> Self {
        self.shows_secret = true;
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Output {
        self.start().finish()
    }

    fn description(&self) -> String {
        let words = [self.command.get_program()].into_iter().chain(self.command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        format!("{}{}", self.variables.concat(), words.join(" "))
    }

    /// Starts it.
    #[track_caller]
    pub fn start(mut self) -> Running<'a> {
        let files = self.sandbox.next_run();
        let (stdin, held) = self.input.open(&files.with_extension("in")).expect("stdin");
        let (out, err) = (files.with_extension("out"), files.with_extension("err"));
        let file =
            |path: &Path| OpenOptions::new().append(true).create_new(true).open(path).expect("a file for output");
        self.command.stdin(stdin).stdout(file(&out)).stderr(file(&err));
        let what = self.description();
        let started = Instant::now();
        let starting = process::starting();
        let child = self.command.spawn();
        drop(starting);
        let child = child.unwrap_or_else(|error| panic!("{what} can't be started: {error}"));
        let Self { sandbox, shows_secret, .. } = self;
        Running { sandbox, what, child: Some(child), started, out, err, shows_secret, _held: held }
    }
}

impl Input {
    fn open(&self, file: &Path) -> io::Result<(Stdio, Option<OwnedFd>)> {
        match self {
            Self::Null => Ok((Stdio::null(), None)),
            Self::Bytes(bytes) => {
                fs::write(file, bytes)?;
                Ok((File::open(file)?.into(), None))
            }
            Self::Open(bytes) => {
                let (reader, mut writer) = io::pipe()?;
                // Within what a pipe holds, so that nobody has to read before we go on.
                writer.write_all(bytes)?;
                Ok((reader.into(), Some(writer.into())))
            }
            Self::Socket => {
                let (ours, theirs) = UnixStream::pair()?;
                Ok((OwnedFd::from(theirs).into(), Some(ours.into())))
            }
        }
    }
}

/// A program that runs. Its end is waited for by [`Running::finish`]; without that it is killed.
#[derive(Debug)]
pub struct Running<'a> {
    sandbox: &'a Sandbox,
    what: String,
    child: Option<Child>,
    started: Instant,
    out: PathBuf,
    err: PathBuf,
    shows_secret: bool,
    _held: Option<OwnedFd>,
}

impl Running<'_> {
    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it has not been waited for").id()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        fs::read_to_string(&self.out).expect("its stdout")
    }

    /// What it has said so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.err).expect("its stderr")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid_of(self.pid()), signal);
    }

    /// Waits for its end and looks for secrets where none belongs: in what it said, and in the command lines of what
    /// it started.
    #[track_caller]
    pub fn finish(mut self) -> Output {
        let status = self.wait();
        let took = self.started.elapsed();
        let (stdout, stderr) = (fs::read(&self.out).expect("its stdout"), fs::read(&self.err).expect("its stderr"));
        if self.sandbox.canary().is_in(&stderr) {
            self.sandbox.leaked(format!("stderr of {}", self.what));
        }
        if !self.shows_secret && self.sandbox.canary().is_in(&stdout) {
            self.sandbox.leaked(format!("stdout of {}", self.what));
        }
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Output { what: self.what.clone(), status, stdout: text(&stdout), stderr: text(&stderr), took }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let pid = self.pid();
        let end = pidfd_open(pid_of(pid), PidfdFlags::empty()).expect("a descriptor for the process");
        let mut pause = Duration::from_millis(1);
        loop {
            self.look_at_command_lines(pid);
            let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(pause.subsec_nanos()) };
            let ended = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&timeout));
            if ended.is_ok_and(|count| count > 0) {
                let mut child = self.child.take().expect("it has not been waited for");
                return child.wait().expect("its status");
            }
            let said = || fs::read_to_string(&self.err).unwrap_or_default();
            assert!(self.started.elapsed() < PATIENCE, "{} hangs; its stderr: {}", self.what, said());
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    fn look_at_command_lines(&self, pid: u32) {
        for member in process::family(pid) {
            if self.sandbox.canary().is_in(&process::command_line(member)) {
                self.sandbox.leaked(format!("the command line of a process that {} started", self.what));
            }
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).expect("a process has a number")
}

/// Waits for something that has to happen.
#[track_caller]
pub fn wait_until(happened: impl Fn() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < PATIENCE, "what had to happen did not");
        std::thread::sleep(Duration::from_millis(2));
    }
}

impl Sandbox {
    /// Any program, by its path.
    pub fn call(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Call<'_> {
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.variables).current_dir(self.home());
        Call::new(self, command)
    }
}
