use std::io;
use std::process::{Command, ExitStatus};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::exit::Exit;
use crate::interrupt::{self, SignalRecorder};

/// Runs a program that works with the person at the terminal: it has our streams and our process group, and no deadline
/// but the person's. A signal that asks us to end is passed on, and we wait for it: what it holds open (a port that waits
/// for a browser) must not outlive us.
pub fn run_attached(command: &mut Command) -> io::Result<ExitStatus> {
    let _recorder = SignalRecorder::begin();
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let exit = Exit::of(pid)?;
    while !exit.is_over() {
        let signals = interrupt::watch().map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN));
        let mut polled: Vec<PollFd> = [PollFd::new(&exit, PollFlags::IN)].into_iter().chain(signals).collect();
        match poll(&mut polled, None) {
            Err(rustix::io::Errno::INTR) => {}
            outcome => {
                outcome?;
            }
        }
        if let Some(signal) = interrupt::interrupted().and_then(|signal| Signal::from_named_raw(signal.0)) {
            // It is not reaped before the loop ends, so its number can't mean another one.
            let _ = kill_process(pid, signal);
        }
    }
    child.wait()
}
