use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, or a span of them.
pub type Millis = u64;

/// Seconds since the Unix epoch, or a span of them.
pub type Seconds = u64;

/// The wall clock. Cached answers and expiries are shared by processes and outlive them, so no monotonic clock would do.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// ISO 8601 in UTC, as AWS's and our own JSON formats write a time: `2026-08-01T09:30:00Z`.
#[must_use]
pub fn iso_8601(at: Seconds) -> String {
    // The wire accepts no time after the year 9999, which is also the last one that this format can write.
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(at.min(crate::credential::MAX_EXPIRY)))
        .to_string()
}

/// A span of time in milliseconds.
#[must_use]
pub fn millis(span: Duration) -> Millis {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
