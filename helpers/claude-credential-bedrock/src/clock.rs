//! The server's clock beside this machine's: signatures and expiries are good by the server's alone.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use claude_credential_http::clock_ahead;
use claude_credential_protocol::{Seconds, now};

/// The difference in seconds that AWS tolerates in the time of a signature
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>).
const MAX_SKEW: u64 = 300;

/// By how much this machine's clock was ahead of the server's in the last answer that had a `Date`. Copies share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerClock(Arc<Mutex<Option<Ahead>>>);

/// By how many seconds this machine's clock is ahead of a server's; negative if it is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ahead(i64);

impl ServerClock {
    /// Takes note of an answer that has just come.
    pub(crate) fn note(&self, ahead: Option<Ahead>) {
        if ahead.is_some() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ahead;
        }
    }

    /// The difference, if it is the reason why what has just come looks over.
    pub(crate) fn explains(&self, expires_at: Option<Seconds>) -> Option<Ahead> {
        let ahead = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let there = i64::try_from(now() / 1000).ok()? - ahead.0;
        (i64::try_from(expires_at?).ok()? > there).then_some(ahead)
    }
}

impl Ahead {
    /// From the `Date` header of an answer that has just come.
    pub(crate) fn of_date(header: Option<&str>) -> Option<Self> {
        clock_ahead(header?).map(Self)
    }

    /// Whether AWS rejects a signature for it.
    pub(crate) fn is_too_much(self) -> bool {
        self.0.unsigned_abs() > MAX_SKEW
    }
}

/// What is wrong and what mends it.
impl fmt::Display for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.0 > 0 { "ahead of" } else { "behind" };
        // A server's second may end between two calls, so the rounded minutes are what is said alike by both.
        let minutes = (self.0.unsigned_abs() + 30) / 60;
        write!(f, "this machine's clock is {minutes} min {side} the server's; set the clock")
    }
}

#[cfg(test)]
mod tests {
    use claude_credential_protocol::now;

    use super::{Ahead, ServerClock};

    #[test]
    fn only_a_clock_that_is_ahead_makes_fresh_keys_look_over() {
        let second = now() / 1000;
        let clock = ServerClock::default();
        assert_eq!(clock.explains(Some(second - 1)), None, "nobody was asked");
        clock.note(Some(Ahead(10_800)));
        clock.note(None);
        assert_eq!(clock.explains(Some(second - 7200)), Some(Ahead(10_800)));
        assert_eq!(clock.explains(Some(second - 10_900)), None, "they are over there, too");
        clock.note(Some(Ahead(-10_800)));
        assert_eq!(clock.explains(Some(second - 1)), None);
    }

    #[test]
    fn a_date_tells_the_difference() {
        let early = Ahead::of_date(Some("Sat, 01 Aug 2026 09:30:00 GMT")).map(Ahead::is_too_much);
        assert_eq!(early, Some(true));
        assert_eq!(Ahead::of_date(Some("yesterday")), None);
        assert!(!Ahead(-300).is_too_much() && Ahead(-301).is_too_much());
        assert_eq!(Ahead(-301).to_string(), "this machine's clock is 5 min behind the server's; set the clock");
    }
}
