use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

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

fn pipes() -> &'static [(i32, UnixStream)] {
    PIPES.get_or_init(|| {
        let pipe = |signal| {
            let (reader, writer) = UnixStream::pair().ok()?;
            reader.set_nonblocking(true).ok()?;
            pipe::register(signal, writer).ok()?;
            Some((signal, reader))
        };
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter_map(pipe).collect()
    })
}

/// From now on a child that closes its stdin early is an error of that write and does not end this process. Our own
/// executables may be started without the part of the standard library that sees to that.
pub(crate) fn survive_closed_pipes() {
    static SEEN: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    // A handler in place of "ignore": it is not inherited by the child.
    SEEN.get_or_init(|| {
        let seen = Arc::default();
        let _ = signal_hook::flag::register(SIGPIPE, Arc::clone(&seen));
        seen
    });
}

/// From now on SIGINT, SIGTERM and SIGHUP are noted instead of ending this process. What to wait on for them.
pub(crate) fn watch() -> impl Iterator<Item = BorrowedFd<'static>> {
    pipes().iter().map(|(_, reader)| reader.as_fd())
}

/// The signal that came since we last looked, if any. Before the first child runs a signal simply ends us.
#[must_use]
pub fn interrupted() -> Option<Interrupted> {
    let pipes = PIPES.get()?;
    let came = |mut reader: &UnixStream| matches!(reader.read(&mut [0; 64]), Ok(read) if read > 0);
    pipes.iter().find(|(_, reader)| came(reader)).map(|(signal, _)| Interrupted(*signal))
}
