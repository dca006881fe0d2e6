//! `[provider.NAME]` in `config.toml`.

use std::collections::BTreeMap;

use claude_credential_protocol::text::is_secret_like;
use claude_credential_protocol::{Error, Origin};
use serde::Deserialize;
use toml::Spanned;

use super::text::ConfigText;
use crate::provider::{
    ClientAssertion, ClientAuthentication, FLOWS, Flow, Provider, TokenKind, TokenSource, ValueSource, is_endpoint,
    is_redirect_uri,
};
use crate::{Folders, KeyStore};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProvider {
    flow: Option<Spanned<String>>,
    issuer: Option<Spanned<String>>,
    authorization_endpoint: Option<Spanned<String>>,
    token_endpoint: Option<Spanned<String>>,
    device_authorization_endpoint: Option<Spanned<String>>,
    revocation_endpoint: Option<Spanned<String>>,
    client_id: Option<String>,
    client_secret_file: Option<Spanned<String>>,
    client_secret_variable: Option<Spanned<String>>,
    client_assertion_file: Option<Spanned<String>>,
    client_key_file: Option<Spanned<String>>,
    client_key_id: Option<String>,
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
    redirect_uri: Option<Spanned<String>>,
    pushed_authorization_request_endpoint: Option<Spanned<String>>,
    token: Option<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
    proxy: Option<Spanned<String>>,
    assertion_file: Option<Spanned<String>>,
    assertion_variable: Option<Spanned<String>>,
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
const RESERVED: [&str; 23] = [
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
    "nonce",
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

impl ConfigText<'_> {
    pub(super) fn provider(
        &self,
        name: &Spanned<String>,
        raw: RawProvider,
        folders: &Folders,
        key_store: KeyStore,
    ) -> Result<Provider, Error> {
        let at = name.span().start;
        let flow = self.choice("flow", raw.flow.as_ref(), &FLOWS)?.unwrap_or_default();
        let file =
            |key: &str, value: &Spanned<String>| self.absolute(value, folders, &format!("`{key}` begins with / or ~/"));
        let client_secret = match (raw.client_secret_file, raw.client_secret_variable) {
            (None, None) => None,
            (Some(path), None) => Some(ValueSource::File(file("client_secret_file", &path)?)),
            (None, Some(variable)) => Some(ValueSource::Variable(self.variable("client_secret_variable", variable)?)),
            _ => return Err(self.error(at, "only one of `client_secret_file` and `client_secret_variable` can hold")),
        };
        let client_assertion = match (raw.client_assertion_file, raw.client_key_file) {
            (None, None) => None,
            (Some(path), None) => Some(ClientAssertion::File(file("client_assertion_file", &path)?)),
            (None, Some(path)) => {
                Some(ClientAssertion::Key { file: file("client_key_file", &path)?, id: raw.client_key_id })
            }
            _ => return Err(self.error(at, "only one of `client_assertion_file` and `client_key_file` can hold")),
        };
        if client_assertion.is_some() && client_secret.is_some() {
            let message = "a client proves itself with a secret, an assertion or a key, and with one of them only";
            return Err(self.error(at, message));
        }
        let assertion = match (raw.assertion_file, raw.assertion_variable, raw.assertion_command) {
            (None, None, None) => None,
            (Some(path), None, None) => Some(TokenSource::File(file("assertion_file", &path)?)),
            (None, Some(variable), None) => Some(TokenSource::Variable(self.variable("assertion_variable", variable)?)),
            (None, None, Some(words)) if words.get_ref().is_empty() => {
                return Err(self.error(words.span().start, "`assertion_command` is empty"));
            }
            (None, None, Some(words)) => Some(TokenSource::Command(words.into_inner())),
            _ => {
                let message = "only one of `assertion_file`, `assertion_variable` and `assertion_command` can hold";
                return Err(self.error(at, message));
            }
        };
        let authentications = [("basic", ClientAuthentication::Basic), ("post", ClientAuthentication::Post)];
        let provider = Provider {
            issuer: self.endpoint("issuer", raw.issuer)?,
            authorization_endpoint: self.endpoint("authorization_endpoint", raw.authorization_endpoint)?,
            token_endpoint: self.endpoint("token_endpoint", raw.token_endpoint)?,
            device_authorization_endpoint: self
                .endpoint("device_authorization_endpoint", raw.device_authorization_endpoint)?,
            revocation_endpoint: self.endpoint("revocation_endpoint", raw.revocation_endpoint)?,
            client_id: raw.client_id,
            client_secret,
            client_assertion,
            client_authentication: self.choice(
                "client_authentication",
                raw.client_authentication.as_ref(),
                &authentications,
            )?,
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
            store: self.choice("store", raw.store.as_ref(), &KeyStore::NAMES)?.unwrap_or(key_store),
            default: raw.default,
            redirect_port: match raw.redirect_port {
                Some(port) if *port.get_ref() == 0 => {
                    return Err(self.error(port.span().start, "`redirect_port` is a number from 1 to 65535"));
                }
                port => port.map(Spanned::into_inner),
            },
            redirect_uri: self.redirect_uri(raw.redirect_uri)?,
            pushed_authorization_request_endpoint: self
                .endpoint("pushed_authorization_request_endpoint", raw.pushed_authorization_request_endpoint)?,
            token: self.choice("token", raw.token.as_ref(), &TOKENS)?.unwrap_or_default(),
            ca_file: raw.ca_file.map(|path| file("ca_file", &path)).transpose()?,
            proxy: self.proxy(raw.proxy)?,
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

    fn redirect_uri(&self, value: Option<Spanned<String>>) -> Result<Option<String>, Error> {
        match value {
            Some(value) if !is_redirect_uri(value.get_ref()) => {
                let message =
                    "`redirect_uri` is an address on this machine, such as \"http://localhost:8080/callback\"";
                Err(self.error(value.span().start, message))
            }
            value => Ok(value.map(Spanned::into_inner)),
        }
    }

    fn proxy(&self, value: Option<Spanned<String>>) -> Result<Option<String>, Error> {
        let Some(value) = value else { return Ok(None) };
        let is_proxy = |url: &String| {
            Origin::of_url(url).is_ok() && !url.contains('@') && url.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if is_proxy(value.get_ref()) {
            return Ok(Some(value.into_inner()));
        }
        let message =
            "`proxy` is an http:// or https:// address without a password; for one with a password set HTTPS_PROXY";
        Err(self.error(value.span().start, message))
    }

    fn parameter(&self, (name, value): (Spanned<String>, String)) -> Result<(String, String), Error> {
        if RESERVED.contains(&name.get_ref().as_str()) {
            let message =
                "`parameters` has a name in it that is sent anyway; what it means has a line or a place of its own";
            return Err(self.error(name.span().start, message));
        }
        Ok((name.into_inner(), value))
    }

    fn variable(&self, key: &str, name: Spanned<String>) -> Result<String, Error> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let text = name.get_ref();
        if text.starts_with(|c: char| !c.is_ascii_digit()) && text.chars().all(is_part) && !is_secret_like(text) {
            return Ok(name.into_inner());
        }
        let message = format!("`{key}` is the name of a variable, and seems to be the secret itself");
        Err(self.error(name.span().start, &message))
    }

    fn scope(&self, scope: Spanned<String>) -> Result<String, Error> {
        let plain = !scope.get_ref().is_empty() && scope.get_ref().bytes().all(|byte| byte.is_ascii_graphic());
        let message = "each of `scopes` is one word";
        if plain { Ok(scope.into_inner()) } else { Err(self.error(scope.span().start, message)) }
    }
}

const TOKENS: [(&str, TokenKind); 2] = [("access", TokenKind::Access), ("id", TokenKind::Id)];

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
        _ if provider.redirect_uri.is_some() && provider.redirect_port.is_some() => {
            Some("only one of `redirect_uri` and `redirect_port` can hold")
        }
        _ if provider.token == TokenKind::Id
            && flow.is_for_people()
            && !provider.scopes.iter().any(|scope| scope == "openid") =>
        {
            Some("`token = \"id\"` needs \"openid\" among `scopes`")
        }
        _ if provider.client_assertion.is_some() && provider.client_id.is_none() => {
            Some("`client_id` is missing: which client proves itself")
        }
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
        Flow::ClientCredentials
            if provider.client_id.is_none()
                || (provider.client_secret.is_none() && provider.client_assertion.is_none()) =>
        {
            Some(
                "client credentials are a `client_id` and a `client_secret_file`, `client_secret_variable`, \
                 `client_key_file` or `client_assertion_file`",
            )
        }
        Flow::JwtBearer | Flow::TokenExchange if provider.assertion.is_none() => {
            Some("`assertion_file`, `assertion_variable` or `assertion_command` is missing: the token to exchange")
        }
        _ => None,
    }
}
