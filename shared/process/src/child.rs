use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_protocol::append_wiped;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::interrupt::{self, Interrupted};

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);

/// How long a stream may stay open after the program has ended: long enough for the last stage of a pipeline.
const LINGER: Duration = Duration::from_secs(1);

/// The most that is kept of stderr; what goes beyond is read and thrown away.
const MAX_STDERR: usize = 64 * 1024;

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

/// What a program that ended by itself left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub ended: Ended,
    /// What it printed.
    pub stdout: Zeroizing<Vec<u8>>,
    /// The beginning of what it said.
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

/// Why a program left nothing that counts. Each reads well after the program's name.
#[derive(Debug, Error)]
pub enum Failure {
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
    /// We were asked to end, passed that on, and waited for it.
    #[error("was interrupted")]
    Interrupted(Interrupted),
    /// The operating system said no while we waited for it.
    #[error("can't be waited for: {0}")]
    Io(#[source] io::Error),
}

impl Task {
    /// Runs it to its end.
    pub fn run(mut self) -> Result<Finished, Failure> {
        if let Some(signal) = interrupt::interrupted() {
            return Err(Failure::Interrupted(signal));
        }
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.own_group {
            self.command.process_group(0);
        }
        // Noted from before the start, so that no signal falls between it and the wait.
        let _noted = interrupt::Noted::begin();
        interrupt::survive_closed_pipes();
        let mut child = self.command.spawn().map_err(Failure::Start)?;
        let pid = Pid::from_child(&child);
        let mut running = Running {
            exit: Some(notify_exit(pid).map_err(Failure::Io)?),
            streams: Streams::of(&mut child, &self).map_err(Failure::Io)?,
            pid,
            own_group: self.own_group,
        };
        let outcome = running.wait(self.deadline);
        let status = child.wait().map_err(Failure::Io)?;
        outcome?;
        let ended = status.code().map_or_else(|| Ended::Signal(status.signal().unwrap_or_default()), Ended::Exit);
        Ok(Finished { ended, stdout: running.streams.stdout.bytes, stderr: running.streams.stderr.bytes })
    }
}

struct Running {
    pid: Pid,
    own_group: bool,
    /// Ends when the program has; none from then on.
    exit: Option<OwnedFd>,
    streams: Streams,
}

impl Running {
    /// Until the program has ended and its streams with it, or until it has been stopped.
    fn wait(&mut self, deadline: Instant) -> Result<(), Failure> {
        let mut until = deadline;
        let mut signalled = None;
        let mut ended = false;
        loop {
            if self.exit.is_none() && !ended {
                ended = true;
                until = until.min(Instant::now() + LINGER);
            }
            if ended && self.streams.output_ended() {
                return signalled.map_or(Ok(()), |signal| Err(Failure::Interrupted(signal)));
            }
            if self.streams.stdout.overflown {
                let limit = self.streams.stdout.limit;
                self.stop();
                return Err(Failure::TooMuch(limit));
            }
            if until <= Instant::now() {
                self.stop();
                return Err(match signalled {
                    Some(signal) => Failure::Interrupted(signal),
                    None if ended => Failure::HeldOpen,
                    None => Failure::TimedOut,
                });
            }
            self.step(until).map_err(Failure::Io)?;
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
        let Streams { input, stdout, stderr } = &self.streams;
        let write = input.iter().map(|input| PollFd::new(&input.pipe, PollFlags::OUT));
        let outputs = stdout.pipe.iter().chain(&stderr.pipe).chain(&self.exit);
        let read = outputs.map(|output| PollFd::new(output, PollFlags::IN));
        let signals = interrupt::watch().map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN));
        let mut polled: Vec<PollFd> = write.chain(read).chain(signals).collect();
        let left = until.saturating_duration_since(Instant::now());
        let timeout =
            Timespec { tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut polled, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            outcome => outcome?,
        };
        drop(polled);
        // Whatever it was that woke us, every stream is tried: none of them blocks.
        self.exit.take_if(|exit| at_end(exit));
        self.streams.pump();
        Ok(())
    }
}

struct Streams {
    input: Option<Input>,
    stdout: Output,
    stderr: Output,
}

struct Input {
    pipe: OwnedFd,
    bytes: Zeroizing<Vec<u8>>,
    written: usize,
}

struct Output {
    pipe: Option<OwnedFd>,
    bytes: Zeroizing<Vec<u8>>,
    limit: usize,
    overflown: bool,
}

impl Streams {
    fn of(child: &mut Child, task: &Task) -> io::Result<Self> {
        let pipe = |fd: Option<OwnedFd>| -> io::Result<OwnedFd> {
            let fd = fd.ok_or(io::ErrorKind::BrokenPipe)?;
            fcntl_setfl(&fd, OFlags::NONBLOCK)?;
            Ok(fd)
        };
        let output = |fd, limit| -> io::Result<Output> {
            Ok(Output { pipe: Some(pipe(fd)?), bytes: Zeroizing::default(), limit, overflown: false })
        };
        let input = pipe(child.stdin.take().map(Into::into))?;
        Ok(Self {
            input: (!task.input.is_empty()).then(|| Input { pipe: input, bytes: task.input.clone(), written: 0 }),
            stdout: output(child.stdout.take().map(Into::into), task.max_stdout)?,
            stderr: output(child.stderr.take().map(Into::into), MAX_STDERR)?,
        })
    }

    fn pump(&mut self) {
        if self.input.as_mut().is_some_and(Input::pump) {
            self.input = None;
        }
        self.stdout.pump();
        self.stderr.pump();
    }

    /// What a left-behind process does with stderr is no concern of ours.
    fn output_ended(&self) -> bool {
        self.stdout.pipe.is_none()
    }
}

impl Input {
    /// True when there is nothing left to do: all written, or the program does not want it.
    fn pump(&mut self) -> bool {
        match rustix::io::write(&self.pipe, &self.bytes[self.written..]) {
            Ok(written) => {
                self.written += written;
                self.written == self.bytes.len()
            }
            Err(error) => !is_for_later(error),
        }
    }
}

impl Output {
    fn pump(&mut self) {
        let mut chunk = Zeroizing::new([0; 16 * 1024]);
        while let Some(pipe) = &self.pipe {
            match rustix::io::read(pipe, &mut *chunk) {
                Ok(0) => self.pipe = None,
                Ok(read) => {
                    let room = self.limit - self.bytes.len();
                    self.overflown |= read > room;
                    append_wiped(&mut self.bytes, &chunk[..read.min(room)]);
                    if self.overflown {
                        return;
                    }
                }
                Err(error) if is_for_later(error) => return,
                Err(_) => self.pipe = None,
            }
        }
    }
}

fn is_for_later(error: rustix::io::Errno) -> bool {
    matches!(error, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR)
}

/// A pipe whose other end closes when the program has ended, without reaping it: one thing more to poll, on every Unix.
pub(crate) fn notify_exit(pid: Pid) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    let wait = move || {
        let _writer = writer;
        while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {
        }
    };
    thread::Builder::new().stack_size(64 * 1024).spawn(wait)?;
    Ok(reader.into())
}

pub(crate) fn at_end(pipe: &OwnedFd) -> bool {
    matches!(rustix::io::read(pipe, &mut [0; 1]), Ok(0))
}
