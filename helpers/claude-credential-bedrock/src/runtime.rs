use std::time::Instant;

use claude_credential_http::runtime;
use claude_credential_protocol::Error;

/// Runs `work` until it ends, or until `until`.
pub(crate) fn block_on<T>(until: Instant, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = runtime().map_err(|error| Error::broke(format!("can't start a runtime: {error}")))?;
    let late = |_| Err(Error::unavailable("AWS did not answer in time; try again, or check the network"));
    let left = until.saturating_duration_since(Instant::now());
    runtime.block_on(async { tokio::time::timeout(left, work).await }).unwrap_or_else(late)
}
