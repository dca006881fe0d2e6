//! Anthropic's workload identity federation: a workload's own JWT is exchanged for a token of Anthropic's
//! (<https://platform.claude.com/docs/en/build-with-claude/workload-identity-federation>).

use std::borrow::Cow;

use claude_credential_config::{Environment, Flow, Provider};
use claude_credential_http::{Answer, Body, Call};
use claude_credential_process::exit_if_signalled;
use claude_credential_protocol::{Error, now};

use super::machine::JWT_BEARER;
use crate::assertion::{identity_token, jwt};
use crate::client::{Client, EACH};
use crate::discovery::document::network;
use crate::token_error::TokenError;
use crate::tokens::TokenSet;

const ENDPOINT: &str = "https://api.anthropic.com/v1/oauth/token";

/// The name under which tokens by Anthropic's variables alone are kept.
const BY_VARIABLES: &str = "anthropic-federation";

pub(crate) const RULE: &str = "ANTHROPIC_FEDERATION_RULE_ID";
const ORGANIZATION: &str = "ANTHROPIC_ORGANIZATION_ID";
const SERVICE_ACCOUNT: &str = "ANTHROPIC_SERVICE_ACCOUNT_ID";
const WORKSPACE: &str = "ANTHROPIC_WORKSPACE_ID";
/// Two clocks that differ by more are worth a word.
const SKEW: i64 = 60;

/// What Anthropic's variables alone configure, if they do.
pub(crate) fn by_variables(environment: &Environment) -> Option<Provider> {
    environment.get_os(RULE)?;
    let provider = Provider::new(BY_VARIABLES, RULE, Flow::Federation);
    Some(Provider { anthropic: true, ..provider })
}

/// As it stands with this environment.
pub(crate) fn prepared<'p>(provider: &'p Provider, environment: &Environment) -> Result<Cow<'p, Provider>, Error> {
    Ok(match provider.flow {
        Flow::Federation => Cow::Owned(complete(provider, environment)?),
        _ => Cow::Borrowed(provider),
    })
}

/// With what the variables say where the provider's section doesn't.
fn complete(provider: &Provider, environment: &Environment) -> Result<Provider, Error> {
    let or = |own: &Option<String>, variable: &str| match own {
        Some(_) => Ok::<_, Error>(own.clone()),
        None => Ok(environment.get(variable)?.map(|value| value.trim().to_owned())),
    };
    Ok(Provider {
        federation_rule_id: or(&provider.federation_rule_id, RULE)?,
        organization_id: or(&provider.organization_id, ORGANIZATION)?,
        service_account_id: or(&provider.service_account_id, SERVICE_ACCOUNT)?,
        workspace_id: or(&provider.workspace_id, WORKSPACE)?,
        ..provider.clone()
    })
}

pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, TokenError> {
    let provider = client.provider;
    let rule = need(provider, provider.federation_rule_id.as_deref(), "federation_rule_id", RULE)?;
    let organization = need(provider, provider.organization_id.as_deref(), "organization_id", ORGANIZATION)?;
    let account = need(provider, provider.service_account_id.as_deref(), "service_account_id", SERVICE_ACCOUNT)?;
    let (token, from) = identity_token::get(client)?;
    let claims = jwt::check(&token, provider.audience.as_deref(), now() / 1000)
        .map_err(|why| provider.error(format!("the identity token from {from} would be refused: {why}")))?;
    let mut body = serde_json::json!({
        "grant_type": JWT_BEARER,
        "assertion": token.expose(),
        "federation_rule_id": rule,
        "organization_id": organization,
        "service_account_id": account,
    });
    if let Some(workspace) = &provider.workspace_id {
        body["workspace_id"] = workspace.as_str().into();
    }
    let url = provider.token_endpoint.as_deref().unwrap_or(ENDPOINT);
    let network = network(provider);
    let call = Call { url, body: Body::Json(&body), network, before_pause: Some(exit_if_signalled), ..Call::default() };
    let answer = call.send_with_retry(EACH, client.until)?;
    match client.understood(answer, &call.host()) {
        Err(TokenError::Code(_, answer)) => {
            Err(TokenError::Error(refused(provider, &answer, &call.host(), &from, &claims)))
        }
        outcome => outcome,
    }
}

/// The server never says why, so everything is named that it may have been.
fn refused(provider: &Provider, answer: &Answer, host: &str, from: &str, claims: &jwt::Claims) -> Error {
    let status = answer.status;
    let clock = match answer.clock_ahead() {
        Some(ahead) if ahead > SKEW => format!("; this machine's clock is {ahead} s ahead of the server's"),
        Some(ahead) if ahead < -SKEW => format!("; this machine's clock is {} s behind the server's", -ahead),
        _ => String::new(),
    };
    provider.error(format!(
        "{host} answered {status} and does not say why; the identity token from {from} keeps every documented limit \
          ({}){clock}; compare it with the federation rule, its organization and its service account",
        claims.shown()
    ))
}

fn need<'p>(provider: &Provider, value: Option<&'p str>, key: &str, variable: &str) -> Result<&'p str, Error> {
    value.ok_or_else(|| {
        let name = &provider.name;
        let section = if name == BY_VARIABLES { String::new() } else { format!(", or `{key}` in [provider.{name}]") };
        provider.error(format!("federation needs {variable}{section}"))
    })
}
