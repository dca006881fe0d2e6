//! Where a provider publishes its endpoints, and whether what is there is its own.

use std::time::{Duration, Instant};

use claude_credential_config::Provider;
use claude_credential_http::{Answer, Call, Network};
use claude_credential_process::exit_if_signalled;
use claude_credential_protocol::Error;
use reqwest::Url;

/// The time for one request for a static document.
const EACH: Duration = Duration::from_secs(10);

/// So many redirects of a document are followed.
const MOST_REDIRECTS: usize = 3;

/// OpenID Connect puts its document below the issuer's path, RFC 8414 in front of it.
pub(super) fn documents(issuer: &str) -> Vec<String> {
    let base = issuer.trim_end_matches('/');
    let host = base.find("://").and_then(|at| base[at + 3..].find('/').map(|slash| at + 3 + slash));
    let (host, path) = base.split_at(host.unwrap_or(base.len()));
    vec![
        format!("{base}/.well-known/openid-configuration"),
        format!("{host}/.well-known/oauth-authorization-server{path}"),
    ]
}

/// What the user configured about the way to the provider's server.
pub(crate) fn network(provider: &Provider) -> Network<'_> {
    Network { ca_file: provider.ca_file.as_deref(), proxy: provider.proxy.as_deref() }
}

/// A document. The request has no secret in it, so a redirect on the same host is followed; one to another host would
/// let that host say where our secrets go, and is returned.
pub(super) fn fetch(provider: &Provider, mut url: String, until: Instant) -> Result<(Answer, String), Error> {
    for _ in 0..MOST_REDIRECTS {
        let call =
            Call { url: &url, network: network(provider), before_pause: Some(exit_if_signalled), ..Call::default() };
        let answer = call.probe_with_retry(EACH, until)?;
        let Some(next) = redirect(&answer, &url) else { return Ok((answer, call.host())) };
        url = next;
    }
    let call = Call { url: &url, network: network(provider), before_pause: Some(exit_if_signalled), ..Call::default() };
    Ok((call.probe_with_retry(EACH, until)?, call.host()))
}

/// Where `answer` leads on the same host.
fn redirect(answer: &Answer, from: &str) -> Option<String> {
    let from = Url::parse(from).ok()?;
    let to = answer.header("location").filter(|_| matches!(answer.status, 301 | 302 | 303 | 307 | 308))?;
    let to = from.join(to).ok()?;
    let is_same = to.origin() == from.origin() && to.username().is_empty() && to.password().is_none();
    is_same.then(|| to.into())
}

/// Whether a published issuer is `issuer`: character by character, but for one segment of the path that is a name in
/// braces, where a provider of many tenants has the tenant's own
/// (<https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens#validate-the-issuer>).
pub(crate) fn names_issuer(published: &str, issuer: &str) -> bool {
    let Some((before, rest)) = published.split_once("/{") else { return published == issuer };
    let Some((name, after)) = rest.split_once('}') else { return published == issuer };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // In the path, and alone in its segment.
    let is_segment = before.find("://").is_some_and(|at| at + 3 < before.len())
        && (after.is_empty() || after.starts_with('/'))
        && !after.contains('{');
    let tenant = issuer.strip_prefix(before).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(after));
    let is_tenant = |tenant: &str| !tenant.is_empty() && !tenant.contains(['/', '?', '#', '{']);
    published == issuer || (is_name && is_segment && tenant.is_some_and(is_tenant))
}

#[cfg(test)]
mod tests {
    use super::{documents, names_issuer};

    #[test]
    fn both_documents_are_where_their_standards_put_them() {
        assert_eq!(
            documents("https://a.example/tenant/1"),
            [
                "https://a.example/tenant/1/.well-known/openid-configuration",
                "https://a.example/.well-known/oauth-authorization-server/tenant/1"
            ]
        );
        assert_eq!(documents("https://a.example/")[1], "https://a.example/.well-known/oauth-authorization-server");
    }

    #[test]
    fn only_a_whole_segment_in_braces_stands_for_a_tenant() {
        const ENTRA: &str = "https://login.example/{tenantid}/v2.0";
        for (published, issuer, same) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example/", "https://a.example", false),
            (ENTRA, "https://login.example/organizations/v2.0", true),
            (ENTRA, ENTRA, true),
            (ENTRA, "https://login.example/a/b/v2.0", false),
            (ENTRA, "https://login.example//v2.0", false),
            (ENTRA, "https://evil.example/organizations/v2.0", false),
            ("https://a.example/{tenantid}", "https://a.example/x", true),
            ("https://a.example/x{tenantid}", "https://a.example/xy", false),
            ("https://a.example/{tenantid}y", "https://a.example/xy", false),
            ("https://{tenantid}/v2.0", "https://a.example/v2.0", false),
            ("https://a.example/{a}/{b}", "https://a.example/x/y", false),
            ("https://a.example/{}", "https://a.example/x", false),
        ] {
            assert_eq!(names_issuer(published, issuer), same, "{published} {issuer}");
        }
    }
}
