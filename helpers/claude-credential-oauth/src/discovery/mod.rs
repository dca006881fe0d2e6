//! A provider's endpoints: as the user configured them, else as the provider publishes them.

pub(crate) mod document;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use claude_credential_config::{ClientAuthentication, Provider, is_endpoint};
use claude_credential_protocol::{Error, text};
use serde::Deserialize;

use document::{documents, fetch, names_issuer};

/// The longest issuer that a message shows.
const MAX_ISSUER: usize = 300;

/// A provider's endpoints, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Endpoints {
    urls: BTreeMap<Endpoint, String>,
    pub(crate) authentication: Option<ClientAuthentication>,
    /// It publishes that it takes the client secret among the parameters, beside the header.
    pub(crate) takes_post: bool,
    /// The issuer as it is published, which may have a place for the tenant.
    pub(crate) issuer: Option<String>,
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
    PushedAuthorization,
}

/// OpenID Connect Discovery 1.0 and RFC 8414 have the same names for what we need.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    pushed_authorization_request_endpoint: Option<String>,
    require_pushed_authorization_requests: Option<bool>,
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
            (Endpoint::PushedAuthorization, &provider.pushed_authorization_request_endpoint),
        ];
        let urls = urls.into_iter().filter_map(|(endpoint, url)| Some((endpoint, url.clone()?))).collect();
        Self {
            urls,
            authentication: provider.client_authentication,
            issuer: provider.issuer.clone(),
            ..Self::default()
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            urls: other.urls.into_iter().chain(self.urls).collect(),
            authentication: self.authentication.or(other.authentication),
            takes_post: self.takes_post || other.takes_post,
            issuer: other.issuer.or(self.issuer),
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
            Endpoint::PushedAuthorization => "pushed_authorization_request_endpoint",
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
        let (answer, host) = fetch(provider, url, until)?;
        match answer.status {
            200 => match answer.json::<Document>(&host) {
                Ok(document) => return understood(provider, issuer, document, &host),
                // Some servers answer unknown paths with a page; the other document may exist.
                Err(error) => unclear = Some(error),
            },
            status if answer.may_change() => {
                unclear = Some(Error::unavailable(format!("{host} answered {status}; try again later")));
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

fn understood(provider: &Provider, issuer: &str, document: Document, host: &str) -> Result<Endpoints, Error> {
    // Another issuer's document would send our secrets to another's endpoints (RFC 8414, 3.3).
    if !names_issuer(&document.issuer, issuer) {
        let own: String = document.issuer.chars().take(MAX_ISSUER).collect();
        return Err(provider.error(format!(
            "{host} says that its issuer is {}, which is not `issuer` there; write it as the provider does",
            text::one_line(&own)
        )));
    }
    let urls = [
        (Endpoint::Authorization, document.authorization_endpoint),
        (Endpoint::Token, document.token_endpoint),
        (Endpoint::DeviceAuthorization, document.device_authorization_endpoint),
        (Endpoint::Revocation, document.revocation_endpoint),
        // Where it is only offered, the address of the sign-in says all.
        (
            Endpoint::PushedAuthorization,
            document
                .pushed_authorization_request_endpoint
                .filter(|_| document.require_pushed_authorization_requests == Some(true)),
        ),
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
        takes_post: has("client_secret_post"),
        issuer: Some(document.issuer),
        authentication: post.then_some(ClientAuthentication::Post),
        says_issuer: document.authorization_response_iss_parameter_supported == Some(true),
    })
}

/// An https issuer must not lead to a plain-text endpoint, not even on this machine.
fn is_step_down(issuer: &str, endpoint: &str) -> bool {
    issuer.starts_with("https://") && endpoint.starts_with("http://")
}
