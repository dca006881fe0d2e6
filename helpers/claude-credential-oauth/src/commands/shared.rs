//! What the commands share.

use std::time::Duration;

/// The time for requests to the provider, not counting what the user takes, and for the store of tokens.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// ` as ACCOUNT`, for messages; nothing without an account.
pub(super) fn as_account(account: Option<&str>) -> String {
    account.map(|account| format!(" as {account}")).unwrap_or_default()
}
