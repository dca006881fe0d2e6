//! `[provider.NAME]` in `config.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use claude_credential_protocol::{Error, Origin};
use serde::Deserialize;
use toml::Spanned;

use crate::load::{KEY_STORES, Place};
use crate::provider::{ClientAuthentication, FLOWS, Flow, Provider, TokenSource, ValueSource, is_endpoint};
use crate::{Folders, KeyStore};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProvider {
    flow: Option<Spanned<String>>,
    issuer: Option<Spanned<String>>,
    authorization_endpoint: Option<Spanned<String>>,
    token_endpoint: Option<Spanned<String>>,
    device_authorization_endpoint: Option<Spanned<String>>,
    revocation_endpoint: Option<Spanned<String>>,
    client_id: Option<String>,
    client_secret_file: Option<Spanned<String>>,
    client_secret_variable: Option<String>,
    client_authentication: Option<Spanned<String>>,
    #[serde(default)]
    scopes: Vec<Spanned<String>>,
    audience: Option<String>,
    resource: Option<OneOrMore>,
    #[serde(default)]
    parameters: BTreeMap<Spanned<String>, String>,
    store: Option<Spanned<String>>,
    #[serde(default)]
    default: bool,
    redirect_port: Option<Spanned<u16>>,
    assertion_file: Option<Spanned<String>>,
    assertion_variable: Option<String>,
    assertion_command: Option<Spanned<Vec<String>>>,
    subject_token_type: Option<String>,
    anthropic: Option<bool>,
    #[serde(default)]
    hosts: Vec<Spanned<String>>,
    federation_rule_id: Option<String>,
    organization_id: Option<String>,
    service_account_id: Option<String>,
    workspace_id: Option<String>,
}

/// What we send ourselves. A second value beside ours would be a second meaning: a state that is known to others, an
/// answer that goes elsewhere, another's code.
const RESERVED: [&str; 22] = [
    "assertion",
    "audience",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "request",
    "request_uri",
    "resource",
    "response_type",
    "scope",
    "state",
    "subject_token",
    "subject_token_type",
];

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Place<'_> {
    pub(crate) fn provider(
        &self,
        name: &Spanned<String>,
        raw: RawProvider,
        folders: &Folders,
        key_store: KeyStore,
    ) -> Result<Provider, Error> {
        let at = name.span().start;
        let flow = self.choice("flow", raw.flow.as_ref(), &FLOWS)?;
        let client_secret = match (raw.client_secret_file, raw.client_secret_variable) {
            (None, None) => None,
            (Some(file), None) => Some(ValueSource::File(self.file("client_secret_file", &file, folders)?)),
            (None, Some(variable)) => Some(ValueSource::Variable(variable)),
            _ => return Err(self.error(at, "only one of `client_secret_file` and `client_secret_variable` can hold")),
        };
        let assertion = match (raw.assertion_file, raw.assertion_variable, raw.assertion_command) {
            (None, None, None) => None,
            (Some(file), None, None) => Some(TokenSource::File(self.file("assertion_file", &file, folders)?)),
            (None, Some(variable), None) => Some(TokenSource::Variable(variable)),
            (None, None, Some(words)) if words.get_ref().is_empty() => {
                return Err(self.error(words.span().start, "`assertion_command` is empty"));
            }
            (None, None, Some(words)) => Some(TokenSource::Command(words.into_inner())),
            _ => {
                let message = "only one of `assertion_file`, `assertion_variable` and `assertion_command` can hold";
                return Err(self.error(at, message));
            }
        };
        let authentications =
            [("basic", Some(ClientAuthentication::Basic)), ("post", Some(ClientAuthentication::Post))];
        let provider = Provider {
            issuer: self.endpoint("issuer", raw.issuer)?,
            authorization_endpoint: self.endpoint("authorization_endpoint", raw.authorization_endpoint)?,
            token_endpoint: self.endpoint("token_endpoint", raw.token_endpoint)?,
            device_authorization_endpoint: self
                .endpoint("device_authorization_endpoint", raw.device_authorization_endpoint)?,
            revocation_endpoint: self.endpoint("revocation_endpoint", raw.revocation_endpoint)?,
            client_id: raw.client_id,
            client_secret,
            client_authentication: match &raw.client_authentication {
                None => None,
                value => self.choice("client_authentication", value.as_ref(), &authentications)?,
            },
            scopes: raw.scopes.into_iter().map(|scope| self.scope(scope)).collect::<Result<_, _>>()?,
            audience: raw.audience,
            resource: match raw.resource {
                None => Vec::new(),
                Some(OneOrMore::One(resource)) => vec![resource],
                Some(OneOrMore::More(resources)) => resources,
            },
            parameters: raw
                .parameters
                .into_iter()
                .map(|parameter| self.parameter(parameter))
                .collect::<Result<_, _>>()?,
            store: match &raw.store {
                None => key_store,
                value => self.choice("store", value.as_ref(), &KEY_STORES)?,
            },
            default: raw.default,
            redirect_port: match raw.redirect_port {
                Some(port) if *port.get_ref() == 0 => {
                    return Err(self.error(port.span().start, "`redirect_port` is a number from 1 to 65535"));
                }
                port => port.map(Spanned::into_inner),
            },
            assertion,
            subject_token_type: raw.subject_token_type,
            // Anthropic's own exchange gives Anthropic's own tokens.
            anthropic: raw.anthropic.unwrap_or(flow == Flow::Federation),
            hosts: raw.hosts.iter().map(|host| self.host(host)).collect::<Result<_, _>>()?,
            federation_rule_id: raw.federation_rule_id,
            organization_id: raw.organization_id,
            service_account_id: raw.service_account_id,
            workspace_id: raw.workspace_id,
            ..Provider::new(name.get_ref(), &self.of(at), flow)
        };
        missing(&provider).map_or(Ok(provider), |message| Err(self.error(at, message)))
    }

    fn endpoint(&self, key: &str, value: Option<Spanned<String>>) -> Result<Option<String>, Error> {
        let Some(value) = value else { return Ok(None) };
        if is_endpoint(value.get_ref()) {
            return Ok(Some(value.into_inner()));
        }
        let message = format!("`{key}` is a URL that begins with https://, or with http://127.0.0.1 for a test");
        Err(self.error(value.span().start, &message))
    }

    fn parameter(&self, (name, value): (Spanned<String>, String)) -> Result<(String, String), Error> {
        if RESERVED.contains(&name.get_ref().as_str()) {
            let message =
                "`parameters` has a name in it that is sent anyway; what it means has a line or a place of its own";
            return Err(self.error(name.span().start, message));
        }
        Ok((name.into_inner(), value))
    }

    fn file(&self, key: &str, value: &Spanned<String>, folders: &Folders) -> Result<PathBuf, Error> {
        let path = folders.expand(value.get_ref());
        let message = || self.error(value.span().start, &format!("`{key}` begins with / or ~/"));
        if path.is_absolute() { Ok(path) } else { Err(message()) }
    }

    fn scope(&self, scope: Spanned<String>) -> Result<String, Error> {
        let plain = !scope.get_ref().is_empty() && scope.get_ref().bytes().all(|byte| byte.is_ascii_graphic());
        let message = "each of `scopes` is one word";
        if plain { Ok(scope.into_inner()) } else { Err(self.error(scope.span().start, message)) }
    }

    fn host(&self, host: &Spanned<String>) -> Result<Origin, Error> {
        Origin::listed(host.get_ref()).map_err(|error| self.error(host.span().start, &error.to_string()))
    }
}

/// What a provider of that flow can't do without.
fn missing(provider: &Provider) -> Option<&'static str> {
    let Provider { flow, issuer, token_endpoint, .. } = provider;
    let has_token_endpoint = issuer.is_some() || token_endpoint.is_some();
    let first = match flow {
        Flow::AuthorizationCode => provider.authorization_endpoint.is_some(),
        Flow::DeviceCode => provider.device_authorization_endpoint.is_some(),
        _ => true,
    };
    match flow {
        _ if provider.client_secret.is_some() && provider.client_id.is_none() => {
            Some("`client_id` is missing: whose client secret it is")
        }
        Flow::Federation => None,
        _ if !has_token_endpoint => Some("a provider has an `issuer`, or a `token_endpoint`"),
        _ if !first && issuer.is_none() => {
            Some("a provider has an `issuer`, or each endpoint that its `flow` needs beside `token_endpoint`")
        }
        Flow::AuthorizationCode | Flow::DeviceCode if provider.client_id.is_none() => {
            Some("`client_id` is missing; the provider gives one when the application is registered with it")
        }
        Flow::ClientCredentials if provider.client_id.is_none() || provider.client_secret.is_none() => {
            Some("client credentials are a `client_id` and a `client_secret_file` or `client_secret_variable`")
        }
        Flow::JwtBearer | Flow::TokenExchange if provider.assertion.is_none() => {
            Some("`assertion_file`, `assertion_variable` or `assertion_command` is missing: the token to exchange")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{Config, Environment, Flow, Folders, KeyStore, TokenSource, ValueSource};

    fn parse(text: &str) -> Result<Config, String> {
        let folders = Folders::of(&Environment::from_pairs([("HOME", "/home/me")])).unwrap();
        Config::parse(text.as_bytes(), Path::new("/c.toml"), &folders).map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_is_understood() {
        let config = parse(
            r#"
            [provider.acme]
            issuer = "https://acme.okta.example/oauth2/default"
            client_id = "0oa"
            client_secret_file = "~/secret"
            scopes = ["openid", "offline_access"]
            resource = "https://gateway.example"
            parameters = { prompt = "consent" }
            store = "file"
            default = true
            redirect_port = 8085
            hosts = ["gateway.example"]
            [provider.ci]
            flow = "token-exchange"
            token_endpoint = "http://127.0.0.1:1234/token"
            assertion_command = ["mint", "it"]
            "#,
        )
        .unwrap();
        let acme = config.default_provider().unwrap();
        assert_eq!((acme.name.as_str(), acme.place.as_str()), ("acme", "/c.toml:2"));
        assert_eq!((acme.flow, acme.store, acme.redirect_port), (Flow::AuthorizationCode, KeyStore::File, Some(8085)));
        assert_eq!(acme.client_secret, Some(ValueSource::File("/home/me/secret".into())));
        assert_eq!(acme.resource, ["https://gateway.example"]);
        let ci = &config.providers["ci"];
        assert_eq!(ci.assertion, Some(TokenSource::Command(vec!["mint".to_owned(), "it".to_owned()])));
        assert_eq!(ci.flow.name(), "token-exchange");
    }

    #[test]
    fn a_mistake_in_a_provider_is_named_by_file_and_line_and_no_value_is_shown() {
        const TOP: &str = "[provider.x]\nissuer = \"https://a.example\"\nclient_id = \"c\"\n";
        for (text, line, says) in [
            ("client_secret = \"CANARY\"", 4, "client_secret"),
            ("token_endpoint = \"http://CANARY.example/token\"", 4, "https://"),
            ("token_endpoint = \"https://CANARY@a.example/token\"", 4, "https://"),
            ("flow = \"CANARY\"", 4, "\"authorization-code\", \"device-code\""),
            ("scopes = [\"a CANARY\"]", 4, "one word"),
            ("store = \"CANARY\"", 4, "\"auto\", \"keychain\", \"file\""),
            ("redirect_port = 0", 4, "65535"),
            ("hosts = [\"CANARY@a\"]", 4, "not a host"),
            ("assertion_file = \"CANARY\"", 4, "begins with"),
            ("assertion_file = \"/CANARY\"\nassertion_variable = \"V\"", 1, "only one of"),
            ("client_secret_file = \"/CANARY\"\nclient_secret_variable = \"V\"", 1, "only one of"),
            ("parameters = { prompt = \"x\", state = \"CANARY\" }", 4, "sent anyway"),
            ("[provider.x.parameters]\nprompt = \"x\"\nredirect_uri = \"CANARY\"", 6, "sent anyway"),
            ("flow = \"client-credentials\"", 1, "client_secret_file"),
            ("flow = \"jwt-bearer\"", 1, "assertion_file"),
            (
                "default = true\n[provider.y]\nissuer = \"https://a.example\"\nclient_id = \"c\"\ndefault = true",
                5,
                "default",
            ),
        ] {
            let error = parse(&format!("{TOP}{text}")).unwrap_err();
            assert!(error.starts_with(&format!("/c.toml:{line}: ")), "{text}: {error}");
            assert!(error.contains(says) && !error.contains("CANARY"), "{text}: {error}");
        }
        let secret = "[provider.x]\nflow = \"jwt-bearer\"\ntoken_endpoint = \"https://a.example\"\nassertion_variable = \"V\"\n\
                      client_secret_variable = \"S\"";
        let error = parse(secret).unwrap_err();
        assert!(error.starts_with("/c.toml:1: ") && error.contains("`client_id`"), "{error}");
        assert!(parse("[provider.x]\nclient_id = \"c\"").unwrap_err().contains("`issuer`"));
    }
}
