use std::fmt::Write as _;

use claude_credential_protocol::text;

/// Percent-encodes `text` for a URL. Characters in `safe` are kept besides the unreserved ones.
pub(crate) fn percent_encoded(text: &str, safe: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len() * 2), |mut quoted, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || safe.as_bytes().contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            let _ = write!(quoted, "%{byte:02X}");
        }
        quoted
    })
}

/// Whether this can be the name of a project or a region, which goes into headers and URLs.
pub(crate) fn is_name(project: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte);
    !project.is_empty() && project.bytes().all(is_part) && !text::is_secret_like(project)
}
