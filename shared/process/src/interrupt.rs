use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::{OFlags, fcntl_setfl};
use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

/// A signal that asked us to end: we pass it on to the child that runs, wait for it, and exit with 128 and the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted(pub i32);

impl Interrupted {
    /// What a shell calls the exit of a program that this signal ended.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        u8::try_from(128 + self.0).unwrap_or(255)
    }
}

/// For the life of the process: a signal between two children is seen before the second one starts.
static SIGNALS: OnceLock<Option<Signals>> = OnceLock::new();

/// The signals that came, and one pipe that wakes the waiting thread: a pair of sockets for each signal would double
/// the cost of starting a child.
struct Signals {
    came: [(i32, Arc<AtomicBool>); 3],
    wakes: OwnedFd,
}

/// True while nothing is under way: then a signal has its default effect.
static IDLE: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// How many things are under way: children, and what must come to its end.
static BUSY: Mutex<usize> = Mutex::new(0);

pub(crate) fn idle() -> &'static Arc<AtomicBool> {
    IDLE.get_or_init(|| Arc::new(AtomicBool::new(true)))
}

/// As long as it lives, no signal ends this process by itself. One flag for all that ask for it: a handler stays for
/// the life of the process, and another guard's handler would end what this one protects.
#[derive(Debug)]
pub(crate) struct BusyGuard;

impl BusyGuard {
    pub(crate) fn begin() -> Self {
        Self::count(|busy| busy + 1);
        Self
    }

    fn count(change: impl FnOnce(usize) -> usize) {
        let mut busy = BUSY.lock().unwrap_or_else(PoisonError::into_inner);
        *busy = change(*busy);
        idle().store(*busy == 0, Ordering::SeqCst);
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        Self::count(|busy| busy.saturating_sub(1));
    }
}

fn signals() -> Option<&'static Signals> {
    SIGNALS.get_or_init(|| Signals::noted().ok()).as_ref()
}

impl Signals {
    fn noted() -> io::Result<Self> {
        let (wakes, writer) = io::pipe()?;
        fcntl_setfl(&wakes, OFlags::NONBLOCK)?;
        let came = [SIGINT, SIGTERM, SIGHUP].map(|signal| (signal, Arc::default()));
        for (signal, came) in &came {
            // Registered first, so that an idle process ends before the signal is recorded.
            flag::register_conditional_default(*signal, Arc::clone(idle()))?;
            flag::register(*signal, Arc::clone(came))?;
            pipe::register(*signal, writer.try_clone()?)?;
        }
        Ok(Self { came, wakes: wakes.into() })
    }

    fn take(&self) -> Option<Interrupted> {
        self.came.iter().find(|(_, came)| came.swap(false, Ordering::SeqCst)).map(|(signal, _)| Interrupted(*signal))
    }
}

/// From now on, writing to a pipe whose reader has closed it is an error and does not end this process. The standard
/// library sets this up at its start, which our own executables may be without.
pub fn survive_closed_pipes() {
    static SEEN: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    // A handler in place of "ignore": it is not inherited by the child.
    SEEN.get_or_init(|| {
        let seen = Arc::default();
        let _ = flag::register(SIGPIPE, Arc::clone(&seen));
        seen
    });
}

/// As long as it lives SIGINT, SIGTERM and SIGHUP are noted instead of ending this process.
pub(crate) struct SignalRecorder(BusyGuard);

impl SignalRecorder {
    pub(crate) fn begin() -> Self {
        let _ = signals();
        Self(BusyGuard::begin())
    }
}

/// The descriptor to poll for them.
pub(crate) fn watch() -> impl Iterator<Item = BorrowedFd<'static>> {
    signals().into_iter().map(|signals| signals.wakes.as_fd())
}

/// The signal that came since we last looked, if any.
#[must_use]
pub fn interrupted() -> Option<Interrupted> {
    let signals = SIGNALS.get()?.as_ref()?;
    signals.take().or_else(|| {
        // Checked again: a signal that came before the pipe was emptied does not wake us any more.
        let _ = rustix::io::read(&signals.wakes, &mut [0; 64]);
        signals.take()
    })
}
