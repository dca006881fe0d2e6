//! A descriptor that becomes readable when a child has ended. The child is not reaped by it, so its process ID is not
//! reused meanwhile.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::os::exit_descriptor;

/// Can be read as soon as the child has ended.
pub(crate) struct Exit(OwnedFd);

impl Exit {
    pub(crate) fn of(pid: Pid) -> io::Result<Self> {
        match exit_descriptor(pid) {
            Some(descriptor) => Ok(Self(descriptor)),
            None => by_thread(pid).map(Self),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        let mut polled = [PollFd::new(&self.0, PollFlags::IN)];
        poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }
}

impl AsFd for Exit {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A pipe whose other end a waiting thread closes when the child has ended. Works on every Unix.
fn by_thread(pid: Pid) -> io::Result<OwnedFd> {
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

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::Duration;

    use rustix::process::Pid;

    use super::{Exit, by_thread};

    #[test]
    fn both_ways_tell_a_child_that_runs_from_one_that_has_ended() {
        for way in [Exit::of, |pid| by_thread(pid).map(Exit)] {
            let mut child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
            let exit = way(Pid::from_child(&child)).unwrap();
            assert!(!exit.is_over());
            child.kill().unwrap();
            while !exit.is_over() {
                thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(child.try_wait().unwrap().map(|status| status.success()), Some(false), "nobody reaped it");
        }
    }
}
