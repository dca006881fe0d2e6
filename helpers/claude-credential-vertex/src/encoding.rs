use std::fmt::Write as _;

/// `text` as it stands in a URL. What is in `safe` stays, besides what always does.
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

/// It goes into headers and URLs, and what is none there is no project and no region.
pub(crate) fn is_name(project: &str) -> bool {
    !project.is_empty() && project.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte))
}
