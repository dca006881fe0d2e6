use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, or a span of them.
pub type Millis = u64;

/// Seconds since the Unix epoch, or a span of them.
pub type Seconds = u64;

/// The last second of the year 9999: what ISO 8601 and every calendar that we hand a time to can still write.
pub const MAX_EXPIRY: Seconds = 253_402_300_799;

/// The wall clock. Cached answers and expiries are shared by processes and outlive them, so no monotonic clock would do.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Whether the time at which something expires has come; something without such a time never expires.
#[must_use]
pub fn is_past(expires_at: Option<Seconds>) -> bool {
    expires_at.is_some_and(|at| at <= now() / 1000)
}

/// ISO 8601 in UTC, as AWS's and our own JSON formats write a time: `2026-08-01T09:30:00Z`.
#[must_use]
pub fn iso_8601(at: Seconds) -> String {
    // The wire accepts no time after the year 9999, which is also the last one that this format can write.
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(at.min(MAX_EXPIRY))).to_string()
}

/// A span of time in milliseconds.
#[must_use]
pub fn millis(span: Duration) -> Millis {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{is_past, now};

    #[test]
    fn the_second_of_the_expiry_is_past_and_no_expiry_never_is() {
        let second = now() / 1000;
        assert!(is_past(Some(0)) && is_past(Some(second)));
        assert!(!is_past(Some(second + 3600)) && !is_past(Some(u64::MAX)) && !is_past(None));
    }
}
