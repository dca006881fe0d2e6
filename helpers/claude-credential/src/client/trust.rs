//! Variables by which another server than the one that is meant can read what is sent, or another program than the one
//! that is meant can read what is handed over. In the user's own environment and settings they are the user's choice; in
//! a project's they are a way to the key, since the project's proxy can be that server (seen with 2.1.332:
//! `NODE_TLS_REJECT_UNAUTHORIZED`, `NODE_EXTRA_CA_CERTS`).

/// Parts of such names: of tools that entries run, too, since a project's variables reach the second run of a helper.
const PARTS: [&str; 13] = [
    "CACERT",
    "CA_BUNDLE",
    "CA_CERT",
    "CAINFO",
    "CAPATH",
    "HTTPSVERIFY",
    "NO_VERIFY",
    "SKIP_VERIFY",
    "SSL_CERT",
    "SSL_VALIDATION",
    "SSLKEYLOG",
    "STRICT_SSL",
    "TLS_REJECT",
];

/// Names that say nothing of it. The options of a runtime can do everything that the others do, and so can the settings of
/// curl and the code that a shell begins with. The last ones lead to settings that are to be the user's: today's Claude
/// Code leaves them out (2.1.332), another one may not.
const NAMES: [&str; 10] = [
    "ANTHROPIC_UNIX_SOCKET",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "BASH_ENV",
    "BUN_OPTIONS",
    "CURL_HOME",
    "NODE_OPTIONS",
    "OPENSSL_CONF",
    "CLAUDE_CONFIG_DIR",
    "HOME",
];

/// Families of them: AWS's servers, of which some are sent tokens; the settings of git; the libraries that are loaded into
/// every program; the user's folders.
const PREFIXES: [&str; 6] = ["AWS_CONTAINER_", "AWS_ENDPOINT_URL", "DYLD_", "GIT_CONFIG", "LD_", "XDG_"];

/// Parts of the names of headers by which gateways and proxies choose where a request goes, or for whom.
const ROUTING: [&str; 20] = [
    "ACCOUNT",
    "AUTH",
    "BASE",
    "CONNECTION",
    "COOKIE",
    "ENCODING",
    "ENDPOINT",
    "EXPECT",
    "FORWARD",
    "HOST",
    "KEY",
    "LENGTH",
    "ORIGIN",
    "PROVIDER",
    "PROXY",
    "ROUT",
    "TARGET",
    "TENANT",
    "TOKEN",
    "UPSTREAM",
];

/// Whether headers, one on each line, may lead a request elsewhere.
pub(crate) fn may_route(headers: &str) -> bool {
    headers.lines().filter(|line| !line.trim().is_empty()).any(|line| {
        let name = line.split_once(':').map(|(name, _)| name.trim().to_ascii_uppercase());
        let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        name.is_none_or(|name| {
            !is_plain(&name) || ROUTING.iter().chain(&["URL", "URI"]).any(|part| name.contains(part))
        })
    })
}

/// Whether the variable weakens the trust in a server's certificate, or replaces it or the program that checks it.
pub(crate) fn replaces_trust(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    NAMES.contains(&name.as_str())
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || PARTS.iter().any(|part| name.contains(part))
}

/// Whether the variable names a proxy, which sees whole what is not encrypted.
pub(crate) fn names_proxy(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.ends_with("_PROXY") && name != "NO_PROXY"
}

#[cfg(test)]
mod tests {
    use super::{may_route, names_proxy, replaces_trust};

    #[test]
    fn a_header_that_may_lead_elsewhere_is_told_from_a_label() {
        for header in
            ["Host: evil.example", "x-forwarded-host: e", "Helicone-Target-URL: e", "X-Team: a\nHost: e", "rubbish"]
        {
            assert!(may_route(header), "{header}");
        }
        assert!(!["X-Team: a", "X-Cost-Center: 7\nanthropic-beta: b", ""].into_iter().any(may_route));
    }

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
            "GIT_CONFIG_GLOBAL",
            "CLOUDSDK_AUTH_DISABLE_SSL_VALIDATION",
            "NPM_CONFIG_STRICT_SSL",
            "SSLKEYLOGFILE",
            "CURL_HOME",
            "LD_PRELOAD",
            "CLAUDE_CONFIG_DIR",
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
