//! The overview for programs, as `docs/schema/status.json` describes it.

use claude_credential_protocol::{iso_8601, text};
use serde_json::json;

use super::Overview;

pub(super) fn text(overview: &Overview) -> String {
    let profiles = overview.profiles.iter().map(|status| {
        json!({
            "profile": status.profile,
            "here": status.here,
            "state": status.state,
            "entry": status.entry,
            "source": status.source,
            "account": status.account,
            "kept_in": status.place,
            "expires_at": status.expires_at.map(iso_8601),
            "lives_too_short": overview.is_short(status),
            "hosts": status.hosts,
            "directories": status.directories.iter().map(|directory| text::shown_path(directory)).collect::<Vec<_>>(),
            "problem": status.problem,
        })
    });
    let value = json!({
        "version": 1,
        "exit": overview.exit_code(),
        "min_ttl_seconds": overview.min_ttl.map(|min_ttl| min_ttl.as_secs()),
        "profiles": profiles.collect::<Vec<_>>(),
    });
    text::json(&format!("{value:#}\n"))
}
