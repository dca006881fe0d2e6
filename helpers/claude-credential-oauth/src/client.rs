//! An OAuth client of one provider: requests for tokens, and what the answers mean.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use claude_credential_config::{
    ClientAuthentication, Environment, Flow, Folders, Provider, SourceContext, ValueSource,
};
use claude_credential_files::{Trust, read_once};
use claude_credential_http::{Answer, Body, Call};
use claude_credential_process::{Active, exit_if_signalled};
use claude_credential_protocol::{Error, Interactive, Request, Secret, now, parse_token, text};
use reqwest::Url;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::client_assertion;
use crate::discovery::document::network;
use crate::discovery::{Endpoint, Endpoints};
use crate::token_error::{TokenError, code};
use crate::tokens::{TokenSet, response};

/// The time for one request for tokens.
pub(crate) const EACH: Duration = Duration::from_secs(15);

/// The longest client secret.
const MAX_SECRET: u64 = 64 * 1024;

/// A client of a provider, for one call.
pub(crate) struct Client<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) active: &'a Active,
    /// A user is at the terminal.
    pub(crate) interactive: bool,
    /// The caller's deadline.
    pub(crate) until: Instant,
}

/// An answer with an error (RFC 6749, 5.2). Its other fields may repeat what we sent, so they are not read.
#[derive(Deserialize)]
struct Refusal {
    error: Option<String>,
    access_token: Option<IgnoredAny>,
}

impl Refusal {
    fn of(answer: &Answer, host: &str) -> Option<Self> {
        answer.json::<Self>(host).ok().filter(|refusal| refusal.error.is_some())
    }

    /// The standard's code in an answer, if there is one.
    fn code(answer: &Answer, host: &str) -> Option<&'static str> {
        code(&Self::of(answer, host)?.error?)
    }
}

/// Whether the answer is an error. Some servers say so with status 200, GitHub's among them.
pub(crate) fn is_refusal(answer: &Answer, host: &str) -> bool {
    !answer.is_success() || Refusal::of(answer, host).is_some_and(|refusal| refusal.access_token.is_none())
}

impl<'a> Client<'a> {
    /// The client of `provider` for a request.
    pub(crate) fn of(context: &SourceContext<'a>, provider: &'a Provider) -> Self {
        let SourceContext { request, environment, folders, active, until, .. } = *context;
        Self { provider, environment, folders, active, interactive: request.interactive == Interactive::Auto, until }
    }

    /// The provider's endpoints.
    pub(crate) fn endpoints(&self, wanted: &[Endpoint]) -> Result<Endpoints, Error> {
        Endpoints::of(self.provider, wanted, self.until)
    }

    /// Requests tokens with `grant` and the client's authentication.
    pub(crate) fn tokens(&self, endpoints: &Endpoints, grant: &[(&str, &str)]) -> Result<TokenSet, TokenError> {
        let (answer, host) = self.post(endpoints, Endpoint::Token, grant)?;
        self.understood(answer, &host)
    }

    /// The same with one attempt: the provider sets the interval of polling.
    pub(crate) fn poll(&self, endpoints: &Endpoints, grant: &[(&str, &str)]) -> Result<TokenSet, TokenError> {
        let (answer, host) = self.send(endpoints, Endpoint::Token, grant, |call| call.send(EACH))?;
        // Some providers send these codes with status 429.
        match (answer.status == 429).then(|| Refusal::code(&answer, &host)).flatten() {
            Some(code @ ("slow_down" | "authorization_pending")) => Err(TokenError::Code(code, answer)),
            _ => self.understood(answer, &host),
        }
    }

    /// The tokens, or the error, of an answer.
    pub(crate) fn understood(&self, answer: Answer, host: &str) -> Result<TokenSet, TokenError> {
        match answer.status {
            200..=299 if !is_refusal(&answer, host) => {
                Ok(response::token_set(&answer, host, answer.asked, self.provider.token)?)
            }
            status if answer.may_change() => {
                let said = Refusal::code(&answer, host).map(|code| format!(", {code}")).unwrap_or_default();
                Err(TokenError::Error(Error::unavailable(format!("{host} answered {status}{said}; try again later"))))
            }
            status => match Refusal::code(&answer, host) {
                Some(code) => Err(TokenError::Code(code, answer)),
                None if self.provider.flow == Flow::Federation => Err(TokenError::Code("invalid_grant", answer)),
                None => {
                    let error = self.provider.error(format!(
                        "{host} answered {status}, with no error of the OAuth standard; mend [provider.{}] there",
                        self.provider.name
                    ));
                    // Any other status comes from something that does not know our tokens.
                    let is_of_tokens = matches!(status, 200..=299 | 400 | 401 | 403);
                    Err(if is_of_tokens { TokenError::Unclear(error) } else { TokenError::Error(error) })
                }
            },
        }
    }

    /// Posts `fields` and the client's authentication.
    pub(crate) fn post(
        &self,
        endpoints: &Endpoints,
        wanted: Endpoint,
        fields: &[(&str, &str)],
    ) -> Result<(Answer, String), Error> {
        self.send(endpoints, wanted, fields, |call| call.send_with_retry(EACH, self.until))
    }

    fn send(
        &self,
        endpoints: &Endpoints,
        wanted: Endpoint,
        fields: &[(&str, &str)],
        how: impl Fn(&Call<'_>) -> Result<Answer, Error>,
    ) -> Result<(Answer, String), Error> {
        let (answer, host) = self.send_as(endpoints, endpoints.authentication, wanted, fields, &how)?;
        let is_basic = self.provider.client_secret.is_some() && endpoints.authentication.is_none();
        let refused = || answer.status == 401 || Refusal::code(&answer, &host) == Some("invalid_client");
        // Some servers publish both, and register a client for one. A client that is refused has used nothing up.
        if is_basic && endpoints.takes_post && refused() {
            return self.send_as(endpoints, Some(ClientAuthentication::Post), wanted, fields, &how);
        }
        Ok((answer, host))
    }

    fn send_as(
        &self,
        endpoints: &Endpoints,
        authentication: Option<ClientAuthentication>,
        wanted: Endpoint,
        fields: &[(&str, &str)],
        how: &impl Fn(&Call<'_>) -> Result<Answer, Error>,
    ) -> Result<(Answer, String), Error> {
        let url = endpoints.need(wanted, self.provider)?;
        let secret = self.client_secret()?;
        let audience = endpoints.get(Endpoint::Token).unwrap_or(url);
        let assertion = client_assertion::of(self.provider, audience, now() / 1000)?;
        let id = self.provider.client_id.as_deref();
        let mut fields = fields.to_vec();
        let mut authorization = None;
        if let Some(assertion) = &assertion {
            fields
                .extend([("client_assertion_type", client_assertion::TYPE), ("client_assertion", assertion.expose())]);
        }
        match (id, &secret, authentication) {
            (Some(id), Some(secret), None | Some(ClientAuthentication::Basic)) => {
                authorization = Some(basic(id, secret));
                // One of the parameters that are pushed (RFC 9126, 2.1).
                if wanted == Endpoint::PushedAuthorization {
                    fields.push(("client_id", id));
                }
            }
            (Some(id), Some(secret), Some(ClientAuthentication::Post)) => {
                fields.extend([("client_id", id), ("client_secret", secret.expose())]);
            }
            (Some(id), None, _) => fields.push(("client_id", id)),
            (None, _, _) => {}
        }
        let call = Call {
            url,
            body: Body::Form(&fields),
            authorization,
            network: network(self.provider),
            before_pause: Some(exit_if_signalled),
            ..Call::default()
        };
        Ok((how(&call)?, call.host()))
    }

    /// The fields for what is requested, the same for every new grant.
    pub(crate) fn requested_fields<'f>(&'f self, scope: &'f str) -> Vec<(&'f str, &'f str)> {
        let mut fields = Vec::new();
        if !scope.is_empty() {
            fields.push(("scope", scope));
        }
        if let Some(audience) = &self.provider.audience {
            fields.push(("audience", audience));
        }
        fields.extend(self.provider.resource.iter().map(|resource| ("resource", resource.as_str())));
        fields.extend(self.provider.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        fields
    }

    fn client_secret(&self) -> Result<Option<Secret>, Error> {
        let provider = self.provider;
        let (bytes, shown) = match &provider.client_secret {
            None => return Ok(None),
            Some(ValueSource::File(file)) => {
                let bytes = read_once(file, Trust::Secret, MAX_SECRET, self.until)?;
                let shown = text::shown_path(file);
                let missing = || provider.error(format!("{shown}, the client secret, does not exist"));
                (bytes.ok_or_else(missing)?, shown)
            }
            Some(ValueSource::Variable(name)) => {
                let value = self.environment.get(name)?;
                let missing = || provider.error(format!("{name}, the variable of the client secret, is not set"));
                (value.ok_or_else(missing)?.as_bytes().to_vec().into(), name.clone())
            }
        };
        let secret = parse_token(&bytes);
        secret.map(Some).map_err(|problem| provider.error(format!("{shown} holds no client secret: {problem}")))
    }
}

/// Whether `provider` may answer. A caller that speaks `claude.v1` has checked the host against the user's list; git
/// asks for any host that a clone names, so there the provider's list decides.
pub(crate) fn is_for(request: &Request, provider: &Provider) -> bool {
    request.capabilities.claude_v1 || provider.hosts.iter().any(|host| request.is_for(host))
}

/// RFC 6749, 2.3.1: both halves are encoded as a form would, and then as the header would.
fn basic(id: &str, secret: &Secret) -> Secret {
    let encoded = |text: &str| -> String {
        let mut url = Url::parse("x://x").ok();
        if let Some(url) = &mut url {
            url.query_pairs_mut().append_key_only(text);
        }
        url.as_ref().and_then(Url::query).unwrap_or_default().to_owned()
    };
    let pair = Secret::from(format!("{}:{}", encoded(id), encoded(secret.expose())));
    format!("Basic {}", BASE64_STANDARD.encode(pair.expose())).into()
}

#[cfg(test)]
mod tests {
    use super::basic;

    #[test]
    fn a_client_secret_is_encoded_twice() {
        assert_eq!(basic("a b", &"c:d+%".into()).expose(), "Basic YStiOmMlM0FkJTJCJTI1");
    }
}
