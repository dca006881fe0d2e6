use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claude_credential_files::FileError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::interrupt::{self, Interrupted};
use crate::streams::Streams;

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);

/// How long a stream may stay open after the program has ended: long enough for the last stage of a pipeline.
const LINGER: Duration = Duration::from_secs(1);

/// A program to run once.
#[derive(Debug)]
pub struct Task {
    /// What to run, with its arguments, environment and folder; its streams are set here.
    pub command: Command,
    /// What it reads on stdin.
    pub input: Zeroizing<Vec<u8>>,
    /// The most that it may print on stdout.
    pub max_stdout: usize,
    /// When it is stopped.
    pub deadline: Instant,
    /// Gives it a process group of its own, so that its children are stopped with it. A program that asks the person
    /// at the terminal something has to stay in the terminal's.
    pub own_group: bool,
}

/// The result of a program that ended by itself.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub ended: Ended,
    /// What it printed; of a [`Relay`](crate::Relay) the end.
    pub stdout: Zeroizing<Vec<u8>>,
    /// The beginning of what it said; of a [`Relay`](crate::Relay) the end.
    pub stderr: Zeroizing<Vec<u8>>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

impl Ended {
    /// Whether it is the code with which a shell reports a command that is not executable or not found, which the user
    /// has to mend.
    #[must_use]
    pub fn is_not_runnable(self) -> bool {
        matches!(self, Self::Exit(126 | 127))
    }
}

/// Reads well after the program's name.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exited {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
        }
    }
}

/// Why a program has no result. Each reads well after the program's name.
#[derive(Debug, Error)]
pub enum RunError {
    /// It could not be started.
    #[error("can't be started: {0}")]
    Start(#[source] io::Error),
    /// It went on to the deadline.
    #[error("did not answer in time and was stopped")]
    TimedOut,
    /// It printed more than it may.
    #[error("printed more than {0} bytes and was stopped")]
    TooMuch(usize),
    /// It ended, and something that it started still holds its stdout.
    #[error("ended but left a process behind that holds its stdout")]
    HeldOpen,
    /// We received a signal, passed it on to the program, and waited for it.
    #[error("was interrupted")]
    Interrupted(Interrupted),
    /// Waiting for it failed.
    #[error("can't be waited for: {0}")]
    Io(#[source] io::Error),
}

impl Task {
    /// Runs it to its end.
    pub fn run(mut self) -> Result<Finished, RunError> {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let Self { command, input, max_stdout, deadline, own_group } = self;
        run(command, deadline, own_group, |child| Streams::kept(child, input, max_stdout))
    }
}

/// Runs `command` to its end, whatever becomes of its streams.
pub(crate) fn run(
    mut command: Command,
    deadline: Instant,
    own_group: bool,
    streams: impl FnOnce(&mut Child) -> io::Result<Streams>,
) -> Result<Finished, RunError> {
    if let Some(signal) = interrupt::interrupted() {
        return Err(RunError::Interrupted(signal));
    }
    if own_group {
        command.process_group(0);
    }
    // Noted from before the start, so that no signal falls between it and the wait.
    let _recorder = interrupt::SignalRecorder::begin();
    interrupt::survive_closed_pipes();
    let mut child = command.spawn().map_err(|error| RunError::Start(why_not_started(&command, error)))?;
    let pid = Pid::from_child(&child);
    let mut running = Running {
        exit: Some(Exit::of(pid).map_err(RunError::Io)?),
        streams: streams(&mut child).map_err(RunError::Io)?,
        pid,
        own_group,
    };
    let outcome = running.wait(deadline);
    let status = child.wait().map_err(RunError::Io)?;
    outcome?;
    let ended = status.code().map_or_else(|| Ended::Signal(status.signal().unwrap_or_default()), Ended::Exit);
    Ok(Finished { ended, stdout: running.streams.stdout.bytes, stderr: running.streams.stderr.bytes })
}

/// Everything is started in the user's home. If that is not there, the system says the same as of a program that is not.
fn why_not_started(command: &Command, error: io::Error) -> io::Error {
    match command.get_current_dir().filter(|folder| !folder.is_dir()) {
        Some(home) => io::Error::new(error.kind(), FileError::NoHome(home.to_owned()).to_string()),
        None => error,
    }
}

struct Running {
    pid: Pid,
    own_group: bool,
    /// Becomes readable when the program has ended; `None` from then on.
    exit: Option<Exit>,
    streams: Streams,
}

impl Running {
    /// Until the program has ended and its streams with it, or until it has been stopped.
    fn wait(&mut self, deadline: Instant) -> Result<(), RunError> {
        let mut until = deadline;
        let mut signalled = None;
        let mut ended = false;
        loop {
            if self.exit.is_none() && !ended {
                ended = true;
                until = until.min(Instant::now() + LINGER);
            }
            // What a program for the person leaves behind, a browser say, is the person's.
            let left_behind = ended && self.streams.are_relayed() && until <= Instant::now();
            if left_behind || (ended && self.streams.output_ended()) {
                return signalled.map_or(Ok(()), |signal| Err(RunError::Interrupted(signal)));
            }
            if self.streams.stdout.overflown {
                let limit = self.streams.stdout.limit;
                self.stop();
                return Err(RunError::TooMuch(limit));
            }
            if until <= Instant::now() {
                self.stop();
                return Err(match signalled {
                    Some(signal) => RunError::Interrupted(signal),
                    None if ended => RunError::HeldOpen,
                    None => RunError::TimedOut,
                });
            }
            self.step(until).map_err(RunError::Io)?;
            if let Some(signal) = interrupt::interrupted() {
                signalled = Some(signal);
                if let Some(signal) = Signal::from_named_raw(signal.0) {
                    self.send(signal);
                }
            }
        }
    }

    /// SIGTERM, time to tidy up, SIGKILL.
    fn stop(&mut self) {
        self.send(Signal::TERM);
        let until = Instant::now() + GRACE;
        while self.exit.is_some() && Instant::now() < until {
            if self.step(until).is_err() {
                break;
            }
        }
        self.send(Signal::KILL);
    }

    /// The program is not reaped before we are done with it, so its number can't mean another one by then.
    fn send(&self, signal: Signal) {
        // It may have ended meanwhile, which is what is wanted.
        let _ = if self.own_group { kill_process_group(self.pid, signal) } else { kill_process(self.pid, signal) };
    }

    /// Waits until something can be read, written or is over, and does it.
    fn step(&mut self, until: Instant) -> io::Result<()> {
        let exit = self.exit.iter().map(|exit| PollFd::new(exit, PollFlags::IN));
        let signals = interrupt::watch().map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN));
        let mut polled: Vec<PollFd> = self.streams.polled().chain(exit).chain(signals).collect();
        let left = until.saturating_duration_since(Instant::now());
        match poll(&mut polled, Timespec::try_from(left).ok().as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            outcome => outcome?,
        };
        drop(polled);
        // Whatever it was that woke us, every stream is tried: none of them blocks.
        self.exit.take_if(|exit| exit.is_over());
        self.streams.pump();
        Ok(())
    }
}
