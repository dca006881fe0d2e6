use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
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

/// One pipe a signal, for the life of the process: a signal between two children is seen before the second one starts.
static PIPES: OnceLock<Vec<(i32, UnixStream)>> = OnceLock::new();

/// Nothing is under way: then a signal does what it does to every program.
static IDLE: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// How many things are under way: children, and what must come to its end.
static BUSY: Mutex<usize> = Mutex::new(0);

pub(crate) fn idle() -> &'static Arc<AtomicBool> {
    IDLE.get_or_init(|| Arc::new(AtomicBool::new(true)))
}

/// As long as it lives, no signal ends this process by itself. One flag for all that ask for it: a handler stays for the
/// life of the process, and one of somebody else's would end what this one guards.
#[derive(Debug)]
pub(crate) struct Busy;

impl Busy {
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

impl Drop for Busy {
    fn drop(&mut self) {
        Self::count(|busy| busy.saturating_sub(1));
    }
}

fn pipes() -> &'static [(i32, UnixStream)] {
    PIPES.get_or_init(|| {
        let pipe = |signal| {
            let (reader, writer) = UnixStream::pair().ok()?;
            reader.set_nonblocking(true).ok()?;
            // First, so that it acts before the signal is noted for nobody.
            signal_hook::flag::register_conditional_default(signal, Arc::clone(idle())).ok()?;
            pipe::register(signal, writer).ok()?;
            Some((signal, reader))
        };
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter_map(pipe).collect()
    })
}

/// From now on whoever closes a pipe to us early is an error of that write and does not end this process. The standard
/// library sees to that at its start, which our own executables may be without.
pub fn survive_closed_pipes() {
    static SEEN: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    // A handler in place of "ignore": it is not inherited by the child.
    SEEN.get_or_init(|| {
        let seen = Arc::default();
        let _ = signal_hook::flag::register(SIGPIPE, Arc::clone(&seen));
        seen
    });
}

/// As long as it lives SIGINT, SIGTERM and SIGHUP are noted instead of ending this process.
pub(crate) struct Noted(Busy);

impl Noted {
    pub(crate) fn begin() -> Self {
        let _ = pipes();
        Self(Busy::begin())
    }
}

/// What to wait on for them.
pub(crate) fn watch() -> impl Iterator<Item = BorrowedFd<'static>> {
    pipes().iter().map(|(_, reader)| reader.as_fd())
}

/// The signal that came since we last looked, if any.
#[must_use]
pub fn interrupted() -> Option<Interrupted> {
    let pipes = PIPES.get()?;
    let came = |mut reader: &UnixStream| matches!(reader.read(&mut [0; 64]), Ok(read) if read > 0);
    pipes.iter().find(|(_, reader)| came(reader)).map(|(signal, _)| Interrupted(*signal))
}
