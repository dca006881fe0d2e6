//! One header, as `Name: value`.

/// The client adds this header by itself to a token from `CLAUDE_CODE_OAUTH_TOKEN`, and puts its own in its place
/// wherever else one says it (seen with version 2.1.197).
pub(super) const BETA: &str = "anthropic-beta";
const OAUTH_BETA: &str = "oauth-";

pub(super) fn is_oauth_beta(header: &str) -> bool {
    is_named(header, BETA) && header.split_once(':').is_some_and(|(_, value)| value.trim().starts_with(OAUTH_BETA))
}

pub(super) fn name_of(header: &str) -> &str {
    header.split_once(':').map_or(header, |(name, _)| name).trim()
}

pub(super) fn is_named(header: &str, name: &str) -> bool {
    name_of(header).eq_ignore_ascii_case(name)
}
