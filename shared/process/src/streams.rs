use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::process::Child;

use claude_credential_protocol::append_wiped;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use zeroize::{Zeroize, Zeroizing};

use crate::os::PIPE_BUF;

/// The most that is kept of stderr; what goes beyond is read and thrown away.
const MAX_STDERR: usize = 64 * 1024;

/// The most that is kept of what goes on to the person: enough for the line that says why it failed.
const MAX_TAIL: usize = 8 * 1024;

/// The pipes of a program that runs.
pub(crate) struct Streams {
    input: Option<Input>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

struct Input {
    pipe: OwnedFd,
    bytes: Zeroizing<Vec<u8>>,
    written: usize,
}

pub(crate) struct Output {
    pipe: Option<OwnedFd>,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) limit: usize,
    pub(crate) overflown: bool,
    tee: Option<Tee>,
}

/// The one of our own streams to which an output goes on as it comes.
struct Tee {
    /// `None` once its reader has closed it.
    to: Option<BorrowedFd<'static>>,
    pending: Vec<u8>,
}

impl Streams {
    /// `input` is written, and what comes is kept.
    pub(crate) fn kept(child: &mut Child, input: Zeroizing<Vec<u8>>, max_stdout: usize) -> io::Result<Self> {
        let pipe = not_blocking(child.stdin.take().map(Into::into))?;
        Ok(Self {
            input: (!input.is_empty()).then_some(Input { pipe, bytes: input, written: 0 }),
            stdout: Output::new(child.stdout.take().map(Into::into), max_stdout, None)?,
            stderr: Output::new(child.stderr.take().map(Into::into), MAX_STDERR, None)?,
        })
    }

    /// What comes goes on to our own streams, and its end is kept.
    pub(crate) fn relayed(child: &mut Child) -> io::Result<Self> {
        let tee = |to| Some(Tee { to: Some(to), pending: Vec::new() });
        let (stdout, stderr) = (tee(rustix::stdio::stdout()), tee(rustix::stdio::stderr()));
        Ok(Self {
            input: None,
            stdout: Output::new(child.stdout.take().map(Into::into), MAX_TAIL, stdout)?,
            stderr: Output::new(child.stderr.take().map(Into::into), MAX_TAIL, stderr)?,
        })
    }

    pub(crate) fn polled(&self) -> impl Iterator<Item = PollFd<'_>> {
        let write = self.input.iter().map(|input| PollFd::new(&input.pipe, PollFlags::OUT));
        write.chain(self.stdout.polled()).chain(self.stderr.polled())
    }

    /// Reads and writes as much as is possible without blocking.
    pub(crate) fn pump(&mut self) {
        if self.input.as_mut().is_some_and(Input::pump) {
            self.input = None;
        }
        self.stdout.pump();
        self.stderr.pump();
    }

    pub(crate) fn are_relayed(&self) -> bool {
        self.stdout.tee.is_some()
    }

    /// A process that is left behind may keep a stderr open that we do not relay.
    pub(crate) fn output_ended(&self) -> bool {
        self.stdout.ended() && (self.stderr.tee.is_none() || self.stderr.ended())
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
    fn new(pipe: Option<OwnedFd>, limit: usize, tee: Option<Tee>) -> io::Result<Self> {
        let pipe = Some(not_blocking(pipe)?);
        Ok(Self { pipe, bytes: Zeroizing::default(), limit, overflown: false, tee })
    }

    /// What has not gone on yet holds back the rest: a program waits for a slow reader as it would without us.
    fn polled(&self) -> Option<PollFd<'_>> {
        match self.tee.as_ref().and_then(Tee::waits) {
            Some(to) => Some(PollFd::from_borrowed_fd(to, PollFlags::OUT)),
            None => self.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        }
    }

    fn ended(&self) -> bool {
        self.pipe.is_none() && self.tee.as_ref().and_then(Tee::waits).is_none()
    }

    fn pump(&mut self) {
        let mut chunk = [0; 4096];
        loop {
            if self.tee.as_mut().is_some_and(|tee| !tee.pump()) {
                return;
            }
            let Some(pipe) = &self.pipe else { return };
            match rustix::io::read(pipe, &mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(read) => {
                    let goes_on = self.take(&chunk[..read]);
                    // Only what held something: most reads are short, or find nothing at all.
                    chunk[..read].zeroize();
                    if !goes_on {
                        return;
                    }
                }
                Err(error) if is_for_later(error) => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    /// False if the caller has to check limits and deadline before more is read.
    fn take(&mut self, chunk: &[u8]) -> bool {
        if let Some(tee) = &mut self.tee {
            tee.pending = chunk.to_vec();
            tee.pump();
            append_wiped(&mut self.bytes, chunk);
            let excess = self.bytes.len().saturating_sub(self.limit);
            self.bytes.drain(..excess);
            // One that never stops talking must not keep us from its deadline.
            return false;
        }
        let room = self.limit - self.bytes.len();
        self.overflown |= chunk.len() > room;
        append_wiped(&mut self.bytes, &chunk[..chunk.len().min(room)]);
        !self.overflown
    }
}

impl Tee {
    /// What is waited for, if anything has not gone on yet.
    fn waits(&self) -> Option<BorrowedFd<'static>> {
        self.to.filter(|_| !self.pending.is_empty())
    }

    /// Whether all of it has gone on.
    fn pump(&mut self) -> bool {
        while let Some(to) = self.waits() {
            // It is asked first, and never set to not blocking: others have the same stream.
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            if !poll(&mut [PollFd::from_borrowed_fd(to, PollFlags::OUT)], Some(&now)).is_ok_and(|ready| ready > 0) {
                return false;
            }
            match rustix::io::write(to, &self.pending[..self.pending.len().min(PIPE_BUF)]) {
                Ok(written) => drop(self.pending.drain(..written)),
                Err(error) if is_for_later(error) => return false,
                // Its reader has closed it, which is no reason to stop a sign-in.
                Err(_) => self.to = None,
            }
        }
        true
    }
}

fn not_blocking(pipe: Option<OwnedFd>) -> io::Result<OwnedFd> {
    let pipe = pipe.ok_or(io::ErrorKind::BrokenPipe)?;
    fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
    Ok(pipe)
}

fn is_for_later(error: rustix::io::Errno) -> bool {
    matches!(error, rustix::io::Errno::AGAIN | rustix::io::Errno::INTR)
}
