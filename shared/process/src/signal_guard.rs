//! Holds back the signals that ask us to end while a refresh is under way: the server may have replaced the refresh
//! token already, and a process that ends then loses both the old and the new one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use crate::interrupt::{BusyGuard, idle};

/// The number of the last signal that came; 0 if none did.
static CAME: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Until it is dropped, no signal ends this process; a signal that came meanwhile ends it then.
#[derive(Debug)]
pub struct SignalGuard(Option<BusyGuard>);

impl SignalGuard {
    /// Holds signals back from now on.
    #[must_use]
    pub fn begin() -> Self {
        CAME.get_or_init(|| {
            let came = Arc::default();
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                // Where a handler can't be set the signal does what it did before; there is no better choice.
                let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(idle()));
                let number = usize::try_from(signal).unwrap_or_default();
                let _ = flag::register_usize(signal, Arc::clone(&came), number);
            }
            came
        });
        Self(Some(BusyGuard::begin()))
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        self.0 = None;
        exit_if_signalled();
    }
}

/// Exits if a signal came while it was held back. To be called at a point where nothing is under way.
pub fn exit_if_signalled() {
    let came = CAME.get().map_or(0, |came| came.load(Ordering::SeqCst));
    if came != 0 {
        std::process::exit(128 + i32::try_from(came).unwrap_or_default());
    }
}
