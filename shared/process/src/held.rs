//! Signals that ask us to end, held back while a renewal is on its way: the server may have replaced the refresh token
//! already, and who ends then has neither the old one nor the new one.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// Which signal came, if one did.
static CAME: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Whether a signal may end this process at once.
static FREE: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// While it lives, no signal ends this process; when it is dropped, one that came meanwhile does.
#[derive(Debug)]
pub struct Held(());

impl Held {
    /// From here on.
    #[must_use]
    pub fn begin() -> Self {
        let free = FREE.get_or_init(|| {
            let free = Arc::new(AtomicBool::new(true));
            let came = CAME.get_or_init(Arc::default);
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                // Where a handler can't be set the signal does what it did before; there is no better choice.
                let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&free));
                let number = usize::try_from(signal).unwrap_or_default();
                let _ = flag::register_usize(signal, Arc::clone(came), number);
            }
            free
        });
        free.store(false, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(free) = FREE.get() {
            free.store(true, Ordering::SeqCst);
        }
        end_if_asked();
    }
}

/// Ends this process if a signal asked for it while it was held back: where nothing is under way.
pub fn end_if_asked() {
    let came = CAME.get().map_or(0, |came| came.load(Ordering::SeqCst));
    if came != 0 {
        std::process::exit(128 + i32::try_from(came).unwrap_or_default());
    }
}
