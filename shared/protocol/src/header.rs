//! One header, as `Name: value`.

/// A header with one of these names is a credential for the same service.
const CREDENTIALS: [&str; 2] = ["authorization", "x-api-key"];

/// A header with one of these names decides where and how a request is read, or is for a proxy.
const FRAMING: [&str; 12] = [
    "connection",
    "content-length",
    "content-encoding",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The client adds this header by itself to a token from `CLAUDE_CODE_OAUTH_TOKEN`, and puts its own in its place
/// wherever else one says it (seen with version 2.1.197).
pub(crate) const BETA: &str = "anthropic-beta";
const OAUTH_BETA: &str = "oauth-";

pub(crate) fn is_oauth_beta(header: &str) -> bool {
    is_named(header, BETA) && header.split_once(':').is_some_and(|(_, value)| value.trim().starts_with(OAUTH_BETA))
}

pub(crate) fn name_of(header: &str) -> &str {
    header.split_once(':').map_or(header, |(name, _)| name).trim()
}

pub(crate) fn is_named(header: &str, name: &str) -> bool {
    name_of(header).eq_ignore_ascii_case(name)
}

pub(crate) fn is_credential(header: &str) -> bool {
    CREDENTIALS.iter().any(|name| is_named(header, name))
}

/// Whether a helper may have `header` sent beside its credential: a field name and value of RFC 9110 (5.1, 5.5) in
/// visible ASCII and blanks, and no name of those above.
pub(crate) fn may_accompany(header: &str) -> bool {
    let Some((name, value)) = header.split_once(": ") else { return false };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_value = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    !name.is_empty()
        && name.bytes().all(is_name)
        && !value.is_empty()
        && value.bytes().all(is_value)
        && value.trim() == value
        && !is_credential(header)
        && !FRAMING.iter().any(|name| is_named(header, name))
}

#[cfg(test)]
mod tests {
    use super::may_accompany;

    #[test]
    fn a_header_beside_the_credential_is_valid_and_none_that_changes_the_request() {
        for good in ["X-Team: red", "anthropic-beta: oauth-2025-04-20", "a: b c", "x-goog-user-project: acme", "!: ~"] {
            assert!(may_accompany(good), "{good}");
        }
        for bad in [
            "",
            "X-Team",
            "X-Team:red",
            "X-Team: a\tb",
            "X-Team : red",
            ": red",
            " X-Team: red",
            "X Team: red",
            "X-Té: red",
            "X(Team): red",
            "X-Team: ",
            "X-Team:  red",
            "X-Team: red ",
            "X-Team: r\u{1b}[2Jd",
            "X-Team: r\u{85}d",
            "X-Team: r\u{202e}d",
            "X-Team: rød",
            "Host: evil.example",
            "host: evil.example",
            "Content-Length: 0",
            "Transfer-Encoding: chunked",
            "Connection: close",
            "AUTHORIZATION: Bearer other",
            "Proxy-Authorization: Basic other",
            "X-Api-Key: other",
        ] {
            assert!(!may_accompany(bad), "{bad:?}");
        }
    }
}
