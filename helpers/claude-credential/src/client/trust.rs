//! Variables by which another server than the one that is meant can read what is sent. In the user's own environment and
//! settings they are the user's choice; in a project's they are a way to the key, since the project's proxy can be that
//! server (seen with 2.1.332: `NODE_TLS_REJECT_UNAUTHORIZED`, `NODE_EXTRA_CA_CERTS`).

/// Parts of such names: of tools that entries run, too, since a project's variables reach the second run of a helper.
const PARTS: [&str; 10] = [
    "CACERT",
    "CA_BUNDLE",
    "CA_CERT",
    "CAINFO",
    "CAPATH",
    "HTTPSVERIFY",
    "NO_VERIFY",
    "SKIP_VERIFY",
    "SSL_CERT",
    "TLS_REJECT",
];

/// Names that say nothing of it. The options of a runtime can do everything that the others do.
const NAMES: [&str; 4] = ["ANTHROPIC_UNIX_SOCKET", "BUN_OPTIONS", "NODE_OPTIONS", "OPENSSL_CONF"];

/// Whether the variable weakens the trust in a server's certificate, or replaces it.
pub(crate) fn replaces_trust(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

/// Whether the variable names a proxy, which sees whole what is not encrypted.
pub(crate) fn names_proxy(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.ends_with("_PROXY") && name != "NO_PROXY"
}

#[cfg(test)]
mod tests {
    use super::{names_proxy, replaces_trust};

    #[test]
    fn what_touches_certificates_is_told_from_what_does_not() {
        for name in [
            "NODE_EXTRA_CA_CERTS",
            "NODE_TLS_REJECT_UNAUTHORIZED",
            "NODE_OPTIONS",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "AWS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
            "VAULT_SKIP_VERIFY",
            "VAULT_CACERT",
            "GIT_SSL_NO_VERIFY",
        ] {
            assert!(replaces_trust(name), "{name}");
        }
        for name in ["HTTPS_PROXY", "CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CERT_STORE", "PATH", "NODE_ENV"] {
            assert!(!replaces_trust(name), "{name}");
        }
        assert!(["http_proxy", "HTTPS_PROXY", "ALL_PROXY"].into_iter().all(names_proxy));
        assert!(!["no_proxy", "NO_PROXY", "PROXY_HOST"].into_iter().any(names_proxy));
    }
}
