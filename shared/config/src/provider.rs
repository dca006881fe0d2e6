use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;

use claude_credential_protocol::{BaseUrl, Error, Origin, Secret};

use crate::key_store::KeyStore;

/// An OAuth authorization server that the oauth helper can sign in to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Where the user wrote it, as `FILE:LINE`.
    pub place: String,
    /// How tokens are had from it.
    pub flow: Flow,
    /// Who it is; its endpoints are discovered from here.
    pub issuer: Option<String>,
    /// Where people sign in.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are had.
    pub token_endpoint: Option<String>,
    /// Where a sign-in on another device begins.
    pub device_authorization_endpoint: Option<String>,
    /// Where tokens are revoked.
    pub revocation_endpoint: Option<String>,
    /// Who we are there.
    pub client_id: Option<String>,
    /// Where the client's secret is, if it has one.
    pub client_secret: Option<ValueSource>,
    /// With what the client proves itself in place of a secret (RFC 7523, 2.2).
    pub client_assertion: Option<ClientAssertion>,
    /// How that secret is sent; without it, as the provider says.
    pub client_authentication: Option<ClientAuthentication>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// For whom the tokens are.
    pub audience: Option<String>,
    /// The same, as RFC 8707 has it.
    pub resource: Vec<String>,
    /// Further parameters for the provider.
    pub parameters: BTreeMap<String, String>,
    /// Where its tokens are kept.
    pub store: KeyStore,
    /// The built-in `login` entry means this one.
    pub default: bool,
    /// The port that the browser comes back to; any free one without it.
    pub redirect_port: Option<u16>,
    /// The whole address that the browser comes back to, on this machine.
    pub redirect_uri: Option<String>,
    /// Where the parameters of a sign-in are sent first, if the provider wants that (RFC 9126).
    pub pushed_authorization_request_endpoint: Option<String>,
    /// Which of its tokens is handed out.
    pub token: TokenKind,
    /// A file with the certificate authorities of its server, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// The proxy for its server, in place of those that the environment names.
    pub proxy: Option<String>,
    /// Where the token is that is exchanged for one of the provider's.
    pub assertion: Option<TokenSource>,
    /// Of what type that token is, for a token exchange.
    pub subject_token_type: Option<String>,
    /// Its tokens are Anthropic's, which need a header of their own.
    pub anthropic: bool,
    /// The hosts for which git and others who don't speak `claude.v1` may have its tokens.
    pub hosts: Vec<BaseUrl>,
    /// Anthropic's name of the federation rule.
    pub federation_rule_id: Option<String>,
    /// Anthropic's name of the organization.
    pub organization_id: Option<String>,
    /// Anthropic's name of the service account.
    pub service_account_id: Option<String>,
    /// Anthropic's name of the workspace.
    pub workspace_id: Option<String>,
}

/// How tokens are had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flow {
    /// A person signs in with a browser (RFC 6749, RFC 7636, RFC 8252).
    #[default]
    AuthorizationCode,
    /// A person signs in on another device (RFC 8628).
    DeviceCode,
    /// With the client's own secret (RFC 6749, 4.4).
    ClientCredentials,
    /// In exchange for a JWT (RFC 7523).
    JwtBearer,
    /// In exchange for a token (RFC 8693).
    TokenExchange,
    /// In exchange for a JWT, as Anthropic's workload identity federation has it.
    Federation,
}

/// How a client's secret is sent (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// In a header.
    Basic,
    /// Among the parameters.
    Post,
}

/// A JWT with which a client proves itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientAssertion {
    /// Somebody else signs it, and keeps it fresh in this file.
    File(PathBuf),
    /// It is signed for each request (`private_key_jwt` in OpenID Connect Core, 9).
    Key {
        /// The private key, in PEM.
        file: PathBuf,
        /// Its name at the provider.
        id: Option<String>,
    },
}

/// Which of a provider's tokens is handed out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TokenKind {
    /// The access token.
    #[default]
    Access,
    /// The ID token.
    Id,
}

/// Where a secret of the user's own is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// In a file.
    File(PathBuf),
    /// In a variable.
    Variable(String),
}

/// Where a token that is exchanged for another is had, every time anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// In a file.
    File(PathBuf),
    /// In a variable.
    Variable(String),
    /// A command prints it.
    Command(Vec<String>),
    /// It was read for this call, from the place that is named: read twice, it might be two people's.
    Read {
        /// The token.
        token: Secret,
        /// Where it was, to be shown to people.
        from: String,
    },
}

impl Flow {
    /// Its name in `config.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        FLOWS.iter().find(|(_, flow)| *flow == self).map_or("", |(name, _)| name)
    }

    /// Whether it needs a person.
    #[must_use]
    pub fn is_for_people(self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode)
    }
}

pub(crate) const FLOWS: [(&str, Flow); 6] = [
    ("authorization-code", Flow::AuthorizationCode),
    ("device-code", Flow::DeviceCode),
    ("client-credentials", Flow::ClientCredentials),
    ("jwt-bearer", Flow::JwtBearer),
    ("token-exchange", Flow::TokenExchange),
    ("federation", Flow::Federation),
];

impl Provider {
    /// Of which nothing is known but its name and its flow.
    #[must_use]
    pub fn new(name: &str, place: &str, flow: Flow) -> Self {
        Self { name: name.to_owned(), place: place.to_owned(), flow, ..Self::default() }
    }

    /// An error in its section, for the user to mend.
    #[must_use]
    pub fn error(&self, what: impl Display) -> Error {
        Error::config(format!("{}: {what}", self.place))
    }
}

/// Whether secrets may be sent there: over TLS, or to this very machine.
#[must_use]
pub fn is_endpoint(url: &str) -> bool {
    let Ok(origin) = Origin::of_url(url) else { return false };
    let plain = url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains(['#', '\\']);
    plain && (origin.protocol() == "https" || is_loopback(origin.host()))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.parse::<std::net::Ipv4Addr>();
    name == "localhost" || name == "[::1]" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether a browser that is sent there comes back to this machine, over plain HTTP and to a path.
#[must_use]
pub(crate) fn is_redirect_uri(url: &str) -> bool {
    is_endpoint(url) && url.starts_with("http://") && !url.contains('?')
}

#[cfg(test)]
mod tests {
    use super::{is_endpoint, is_redirect_uri};

    #[test]
    fn a_browser_comes_back_to_this_machine() {
        for good in ["http://localhost:8080/oauth/callback", "http://127.0.0.1/callback", "http://[::1]:1/"] {
            assert!(is_redirect_uri(good), "{good}");
        }
        for bad in ["https://localhost/", "http://a.example/cb", "http://localhost/?a=b", "acme://callback", "x"] {
            assert!(!is_redirect_uri(bad), "{bad}");
        }
    }

    #[test]
    fn plain_http_is_for_this_very_machine() {
        for good in ["https://a.example/x?y=z", "http://127.0.0.1:80/t", "http://[::1]:1/", "http://localhost/t"] {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in ["http://a.example", "http://127.0.0.1.evil.example/", "http://localhost.evil", "https://a/#x", "a"]
        {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }
}
