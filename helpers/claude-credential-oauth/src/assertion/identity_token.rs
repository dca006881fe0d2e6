//! The workload's own token, which Anthropic's federation exchanges: from the provider's section, the variables, or GitHub
//! Actions.

use std::time::Duration;

use claude_credential_config::{Environment, TokenSource, is_endpoint};
use claude_credential_files::hex;
use claude_credential_http::Call;
use claude_credential_process::exit_if_signalled;
use claude_credential_protocol::{Error, Secret, parse_token};
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::configured;
use crate::client::Client;

/// What a token of GitHub's is asked for, unless the provider's section says otherwise.
const AUDIENCE: &str = "https://api.anthropic.com";

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

#[derive(Deserialize)]
struct Minted {
    value: String,
}

/// The workload's own token, and from where.
pub(crate) fn get(client: &Client<'_>) -> Result<(Secret, String), Error> {
    let environment = client.environment;
    if let Some(found) = at_hand(client)? {
        return Ok(found);
    }
    match (environment.get(GITHUB_URL)?, environment.get(GITHUB_TOKEN)?) {
        (Some(url), Some(token)) => Ok((of_github(client, url, token)?, "GitHub Actions".to_owned())),
        _ => Err(client.provider.error(format!(
            "there is no identity token: set {TOKEN_FILE} or {TOKEN}, or give the job of GitHub Actions the \
             permission id-token: write"
        ))),
    }
}

/// The workload's own token, and from where, as far as it is had without a server.
pub(crate) fn at_hand(client: &Client<'_>) -> Result<Option<(Secret, String)>, Error> {
    let environment = client.environment;
    if let Some(source) = &client.provider.assertion {
        let from = if let TokenSource::Read { from, .. } = source { from } else { "the provider's section" };
        return Ok(Some((configured::get(client)?, from.to_owned())));
    }
    if environment.get_os(TOKEN).is_some() {
        return Ok(Some((configured::in_variable(environment, TOKEN)?, TOKEN.to_owned())));
    }
    let Some(file) = environment.get_os(TOKEN_FILE) else { return Ok(None) };
    let token = configured::in_file(&client.folders.expand(file), client.until);
    let token = token.map_err(|error| error.with_prefix(TOKEN_FILE))?;
    Ok(Some((token, TOKEN_FILE.to_owned())))
}

/// The job of GitHub Actions that this is, hashed: whose token it has, it learns from a server alone.
pub(crate) fn job(environment: &Environment) -> String {
    let parts = JOB.map(|name| environment.get_os(name));
    hex(&Sha256::digest(format!("job {parts:?}"))[..16])
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
