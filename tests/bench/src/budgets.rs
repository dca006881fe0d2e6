//! What is wanted, in one place. A budget is a ratio, or a time where the row says so.

/// What a row is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Against {
    /// Another row, in the same rounds.
    Row(&'static str),
    /// So many milliseconds.
    Millis(f64),
    /// Its processor time in milliseconds, as it is.
    CpuMillis,
}

pub(crate) struct Budget {
    pub(crate) row: &'static str,
    pub(crate) against: Against,
    pub(crate) at_most: f64,
}

pub(crate) const BUDGETS: [Budget; 16] = [
    of("print", Against::Row("cat"), 0.80),
    of("api-key-helper", Against::Row("cat"), 0.80),
    of("print", Against::Row("empty"), 4.0),
    of("api-key-helper", Against::Row("empty"), 4.0),
    of("client", Against::Row("sh-cat"), 0.90),
    of("cold", Against::Row("cat"), 2.0),
    of("built-in", Against::Row("cat"), 2.0),
    of("oauth", Against::Row("cat"), 2.0),
    of("bedrock", Against::CpuMillis, 10.0),
    of("crowd-cold", Against::Millis(300.0), 1.5),
    // Growth: nothing of it may be felt.
    of("entries-1000", Against::Row("entries-10"), 1.1),
    of("entries-10000", Against::Row("entries-10"), 1.1),
    of("chain-10", Against::Row("chain-1"), 1.1),
    of("chain-50", Against::Row("chain-1"), 1.1),
    of("cold-10000", Against::Row("cold-10"), 1.1),
    of("kept", Against::Row("cat"), 0.80),
];

/// Warm, this is ahead of every peer.
pub(crate) const AHEAD: [&str; 3] = ["print", "api-key-helper", "get"];

const fn of(row: &'static str, against: Against, at_most: f64) -> Budget {
    Budget { row, against, at_most }
}
