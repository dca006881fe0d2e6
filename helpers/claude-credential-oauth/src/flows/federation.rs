//! Anthropic's workload identity federation: a workload's own JWT is exchanged for a token of Anthropic's
//! (<https://platform.claude.com/docs/en/build-with-claude/workload-identity-federation>).

use std::time::Duration;

use claude_credential_config::{Environment, Flow, Provider, TokenSource, is_endpoint};
use claude_credential_files::hex;
use claude_credential_http::{Answer, Body, Call};
use claude_credential_process::exit_if_signalled;
use claude_credential_protocol::{Error, Secret, now, parse_token};
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::client::{Client, EACH, Failed};
use crate::flows::jwt_bearer::GRANT;
use crate::tokens::TokenSet;
use crate::{assertion, jwt};

const ENDPOINT: &str = "https://api.anthropic.com/v1/oauth/token";

/// What a token of GitHub's is asked for, unless the provider's section says otherwise.
const AUDIENCE: &str = "https://api.anthropic.com";

/// The name under which tokens by Anthropic's variables alone are kept.
const BY_VARIABLES: &str = "anthropic-federation";

pub(crate) const RULE: &str = "ANTHROPIC_FEDERATION_RULE_ID";
const ORGANIZATION: &str = "ANTHROPIC_ORGANIZATION_ID";
const SERVICE_ACCOUNT: &str = "ANTHROPIC_SERVICE_ACCOUNT_ID";
const WORKSPACE: &str = "ANTHROPIC_WORKSPACE_ID";
const TOKEN: &str = "ANTHROPIC_IDENTITY_TOKEN";
const TOKEN_FILE: &str = "ANTHROPIC_IDENTITY_TOKEN_FILE";
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// What a job of GitHub's gets a token for: the address is the job's own, the others are what its claims are made of.
const JOB: [&str; 8] = [
    GITHUB_URL,
    "GITHUB_REPOSITORY",
    "GITHUB_REF",
    "GITHUB_WORKFLOW",
    "GITHUB_JOB",
    "GITHUB_RUN_ID",
    "GITHUB_EVENT_NAME",
    "GITHUB_ACTOR",
];

/// A request within GitHub's own network.
const GITHUB_EACH: Duration = Duration::from_secs(10);

/// Two clocks that differ by more are worth a word.
const SKEW: i64 = 60;

#[derive(Deserialize)]
struct Minted {
    value: String,
}

/// What Anthropic's variables alone configure, if they do.
pub(crate) fn by_variables(environment: &Environment) -> Option<Provider> {
    environment.get(RULE)?;
    let provider = Provider::new(BY_VARIABLES, RULE, Flow::Federation);
    Some(Provider { anthropic: true, ..provider })
}

/// With what the variables say where the provider's section doesn't.
pub(crate) fn complete(provider: &Provider, environment: &Environment) -> Provider {
    let or = |own: &Option<String>, variable: &str| {
        own.clone().or_else(|| environment.get(variable).map(|value| value.trim().to_owned()))
    };
    Provider {
        federation_rule_id: or(&provider.federation_rule_id, RULE),
        organization_id: or(&provider.organization_id, ORGANIZATION),
        service_account_id: or(&provider.service_account_id, SERVICE_ACCOUNT),
        workspace_id: or(&provider.workspace_id, WORKSPACE),
        ..provider.clone()
    }
}

pub(crate) fn mint(client: &Client<'_>) -> Result<TokenSet, Failed> {
    let provider = client.provider;
    let rule = need(provider, provider.federation_rule_id.as_deref(), "federation_rule_id", RULE)?;
    let organization = need(provider, provider.organization_id.as_deref(), "organization_id", ORGANIZATION)?;
    let account = need(provider, provider.service_account_id.as_deref(), "service_account_id", SERVICE_ACCOUNT)?;
    let (token, from) = identity_token(client)?;
    let place = &provider.place;
    let claims = jwt::check(&token, provider.audience.as_deref(), now() / 1000)
        .map_err(|why| Error::config(format!("{place}: the identity token from {from} would be refused: {why}")))?;
    let mut body = serde_json::json!({
        "grant_type": GRANT,
        "assertion": token.expose(),
        "federation_rule_id": rule,
        "organization_id": organization,
        "service_account_id": account,
    });
    if let Some(workspace) = &provider.workspace_id {
        body["workspace_id"] = workspace.as_str().into();
    }
    let url = provider.token_endpoint.as_deref().unwrap_or(ENDPOINT);
    let call = Call { url, body: Body::Json(&body), before_pause: Some(exit_if_signalled), ..Call::default() };
    let answer = call.send_with_retry(EACH, client.until)?;
    match client.understood(answer, &call.host()) {
        Err(Failed::Code(_, answer)) => Err(Failed::Error(refused(provider, &answer, &call.host(), &from, &claims))),
        outcome => outcome,
    }
}

/// The server never says why, so everything is named that it may have been.
fn refused(provider: &Provider, answer: &Answer, host: &str, from: &str, claims: &jwt::Claims) -> Error {
    let (status, place) = (answer.status, &provider.place);
    let clock = match answer.clock_ahead() {
        Some(ahead) if ahead > SKEW => format!("; this machine's clock is {ahead} s ahead of the server's"),
        Some(ahead) if ahead < -SKEW => format!("; this machine's clock is {} s behind the server's", -ahead),
        _ => String::new(),
    };
    Error::config(format!(
        "{place}: {host} answered {status} and does not say why; the identity token from {from} keeps every documented \
         limit ({}){clock}; compare it with the federation rule, its organization and its service account",
        claims.shown()
    ))
}

fn need<'p>(provider: &Provider, value: Option<&'p str>, key: &str, variable: &str) -> Result<&'p str, Error> {
    value.ok_or_else(|| {
        let Provider { place, name, .. } = provider;
        let section = if name == BY_VARIABLES { String::new() } else { format!(", or `{key}` in [provider.{name}]") };
        Error::config(format!("{place}: federation needs {variable}{section}"))
    })
}

/// The workload's own token, and from where, as far as it is had without a server.
pub(crate) fn at_hand(client: &Client<'_>) -> Result<Option<(Secret, String)>, Error> {
    let environment = client.environment;
    if let Some(source) = &client.provider.assertion {
        let from = if let TokenSource::Read { from, .. } = source { from } else { "the provider's section" };
        return Ok(Some((assertion::get(client)?, from.to_owned())));
    }
    if environment.get(TOKEN).is_some() {
        return Ok(Some((assertion::in_variable(environment, TOKEN)?, TOKEN.to_owned())));
    }
    let Some(file) = environment.get(TOKEN_FILE) else { return Ok(None) };
    let token = assertion::in_file(&client.folders.expand(file)).map_err(|error| error.with_prefix(TOKEN_FILE))?;
    Ok(Some((token, TOKEN_FILE.to_owned())))
}

/// The job of GitHub Actions that this is, hashed: whose token it has, it learns from a server alone.
pub(crate) fn job(environment: &Environment) -> String {
    let parts = JOB.map(|name| environment.get(name));
    hex(&Sha256::digest(format!("job {parts:?}"))[..16])
}

/// The workload's own token, and from where.
fn identity_token(client: &Client<'_>) -> Result<(Secret, String), Error> {
    let environment = client.environment;
    if let Some(found) = at_hand(client)? {
        return Ok(found);
    }
    match (environment.get(GITHUB_URL), environment.get(GITHUB_TOKEN)) {
        (Some(url), Some(token)) => Ok((of_github(client, url, token)?, "GitHub Actions".to_owned())),
        _ => Err(Error::config(format!(
            "{}: there is no identity token: set {TOKEN_FILE} or {TOKEN}, or give the job of GitHub Actions the \
             permission id-token: write",
            client.provider.place
        ))),
    }
}

/// <https://docs.github.com/en/actions/reference/security/oidc>
fn of_github(client: &Client<'_>, url: &str, token: &str) -> Result<Secret, Error> {
    let no_url = || Error::config(format!("{GITHUB_URL} is no https URL"));
    if !is_endpoint(url) {
        return Err(no_url());
    }
    let mut url = Url::parse(url).map_err(|_| no_url())?;
    url.query_pairs_mut().append_pair("audience", client.provider.audience.as_deref().unwrap_or(AUDIENCE));
    let authorization = Some(Secret::from(format!("Bearer {token}")));
    let call = Call { url: url.as_str(), authorization, before_pause: Some(exit_if_signalled), ..Call::default() };
    let answer = call.send_with_retry(GITHUB_EACH, client.until)?;
    if answer.status != 200 {
        let (status, host) = (answer.status, call.host());
        let class = if answer.may_change() { Error::unavailable } else { Error::config };
        return Err(class(format!("GitHub Actions ({host}) gave no identity token: it answered {status}")));
    }
    let minted: Minted = answer.json(&call.host())?;
    parse_token(Secret::from(minted.value).expose().as_bytes())
        .map_err(|problem| Error::unavailable(format!("what GitHub Actions gave is no token: {problem}")))
}
