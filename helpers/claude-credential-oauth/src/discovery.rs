//! A provider's endpoints: as the user configured them, else as the provider publishes them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use claude_credential_config::{ClientAuthentication, Provider, is_endpoint};
use claude_credential_http::Call;
use claude_credential_process::exit_if_signalled;
use claude_credential_protocol::Error;
use serde::Deserialize;

/// The time for one request for a static document.
const EACH: Duration = Duration::from_secs(10);

/// A provider's endpoints, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endpoints {
    urls: BTreeMap<Endpoint, String>,
    pub(crate) authentication: Option<ClientAuthentication>,
    /// Callbacks carry the issuer (RFC 9207).
    pub(crate) says_issuer: bool,
}

/// One endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Endpoint {
    Authorization,
    Token,
    DeviceAuthorization,
    Revocation,
}

/// OpenID Connect Discovery 1.0 and RFC 8414 have the same names for what we need.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
}

impl Endpoints {
    /// The endpoints of `provider`; its server is asked only if one of `wanted` is not configured.
    pub(crate) fn of(provider: &Provider, wanted: &[Endpoint], until: Instant) -> Result<Self, Error> {
        let written = Self::written(provider);
        match &provider.issuer {
            Some(issuer) if wanted.iter().any(|wanted| written.get(*wanted).is_none()) => {
                Ok(written.or(discover(provider, issuer, until)?))
            }
            _ => Ok(written),
        }
    }

    /// As the user configured them.
    fn written(provider: &Provider) -> Self {
        let urls = [
            (Endpoint::Authorization, &provider.authorization_endpoint),
            (Endpoint::Token, &provider.token_endpoint),
            (Endpoint::DeviceAuthorization, &provider.device_authorization_endpoint),
            (Endpoint::Revocation, &provider.revocation_endpoint),
        ];
        let urls = urls.into_iter().filter_map(|(endpoint, url)| Some((endpoint, url.clone()?))).collect();
        Self { urls, authentication: provider.client_authentication, says_issuer: false }
    }

    fn or(self, other: Self) -> Self {
        Self {
            urls: other.urls.into_iter().chain(self.urls).collect(),
            authentication: self.authentication.or(other.authentication),
            says_issuer: self.says_issuer || other.says_issuer,
        }
    }

    pub(crate) fn get(&self, wanted: Endpoint) -> Option<&str> {
        self.urls.get(&wanted).map(String::as_str)
    }

    /// The endpoint, or an error that names the setting.
    pub(crate) fn need(&self, wanted: Endpoint, provider: &Provider) -> Result<&str, Error> {
        let name = match wanted {
            Endpoint::Authorization => "authorization_endpoint",
            Endpoint::Token => "token_endpoint",
            Endpoint::DeviceAuthorization => "device_authorization_endpoint",
            Endpoint::Revocation => "revocation_endpoint",
        };
        self.get(wanted).ok_or_else(|| {
            provider.error(format!("the provider {} names no {name}; add `{name}` there", provider.name))
        })
    }
}

fn discover(provider: &Provider, issuer: &str, until: Instant) -> Result<Endpoints, Error> {
    let mut refused = 0;
    let mut unclear = None;
    for url in documents(issuer) {
        let call = Call { url: &url, before_pause: Some(exit_if_signalled), ..Call::default() };
        let answer = call.send_with_retry(EACH, until)?;
        match answer.status {
            200 => match answer.json::<Document>(&call.host()) {
                Ok(document) => return understood(provider, issuer, document, &call.host()),
                // Some servers answer unknown paths with a page; the other document may exist.
                Err(error) => unclear = Some(error),
            },
            status if answer.may_change() => {
                return Err(Error::unavailable(format!("{} answered {status}", call.host())));
            }
            status => refused = status,
        }
    }
    if let Some(error) = unclear {
        return Err(error);
    }
    Err(provider.error(format!(
        "the `issuer` publishes no endpoints (it answered {refused}); mend it, or write the endpoints there"
    )))
}

/// OpenID Connect puts its document below the issuer's path, RFC 8414 in front of it.
fn documents(issuer: &str) -> Vec<String> {
    let base = issuer.trim_end_matches('/');
    let host = base.find("://").and_then(|at| base[at + 3..].find('/').map(|slash| at + 3 + slash));
    let (host, path) = base.split_at(host.unwrap_or(base.len()));
    vec![
        format!("{base}/.well-known/openid-configuration"),
        format!("{host}/.well-known/oauth-authorization-server{path}"),
    ]
}

fn understood(provider: &Provider, issuer: &str, document: Document, host: &str) -> Result<Endpoints, Error> {
    // Character by character (RFC 8414, 3.3): another issuer's document would send our secrets to another's endpoints.
    if document.issuer != issuer {
        return Err(provider.error(format!(
            "{host} says that it is another issuer than `issuer` there, if only by a slash; write it as the provider does"
        )));
    }
    let urls = [
        (Endpoint::Authorization, document.authorization_endpoint),
        (Endpoint::Token, document.token_endpoint),
        (Endpoint::DeviceAuthorization, document.device_authorization_endpoint),
        (Endpoint::Revocation, document.revocation_endpoint),
    ];
    let urls: BTreeMap<_, _> = urls.into_iter().filter_map(|(endpoint, url)| Some((endpoint, url?))).collect();
    if urls.values().any(|url| !is_endpoint(url) || is_step_down(issuer, url)) {
        return Err(provider.error(
            "the provider names an endpoint that is not https, to which no secret is sent; write its endpoints there",
        ));
    }
    let methods = document.token_endpoint_auth_methods_supported.unwrap_or_default();
    let has = |method: &str| methods.iter().any(|supported| supported == method);
    let post = has("client_secret_post") && !has("client_secret_basic");
    Ok(Endpoints {
        urls,
        authentication: post.then_some(ClientAuthentication::Post),
        says_issuer: document.authorization_response_iss_parameter_supported == Some(true),
    })
}

/// An https issuer must not lead to a plain-text endpoint, not even on this machine.
fn is_step_down(issuer: &str, endpoint: &str) -> bool {
    issuer.starts_with("https://") && endpoint.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::{Duration, Instant};

    use claude_credential_config::{Flow, Provider};

    use super::{Endpoint, Endpoints, documents};

    #[test]
    fn a_page_where_one_document_could_be_leads_to_the_other() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let document = format!(
            r#"{{"issuer":"{url}","token_endpoint":"{url}/token","authorization_response_iss_parameter_supported":true}}"#
        );
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 4096];
                let read = stream.read(&mut request).unwrap_or(0);
                let is_second = String::from_utf8_lossy(&request[..read]).contains("oauth-authorization-server");
                let body = if is_second { document.as_str() } else { "<p>CANARY" };
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        let provider = Provider { issuer: Some(url.clone()), ..Provider::new("acme", "/c:1", Flow::default()) };
        let endpoints = Endpoints::of(&provider, &[Endpoint::Token], Instant::now() + Duration::from_secs(20)).unwrap();
        assert_eq!(endpoints.get(Endpoint::Token), Some(format!("{url}/token").as_str()));
        assert!(endpoints.says_issuer);
    }

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
}
