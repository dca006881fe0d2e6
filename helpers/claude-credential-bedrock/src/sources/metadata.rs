//! The role of an EC2 machine, from its metadata service
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html>). It is asked last and
//! with short timeouts, because a laptop has none.

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use aws_config::imds::Client;
use aws_config::imds::client::SensitiveString;
use aws_config::imds::client::error::{ImdsError, TokenError};
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use claude_credential_protocol::{Error, Seconds, is_past, now};

use crate::aws::http;
use crate::document;
use crate::keys::Keys;
use crate::profile::DEFAULT;
use crate::runtime::block_on;
use crate::source_context::SourceContext;

const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

/// The timeout in seconds, by the name that AWS's older tools have for it.
const TIMEOUT: &str = "AWS_METADATA_SERVICE_TIMEOUT";

/// A service on the machine's own link accepts a connection within a millisecond.
const CONNECT: Duration = Duration::from_millis(150);

/// Where the service is, unless somebody says otherwise by one of these, in the variables or the profile.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), 80);
const ELSEWHERE: [(&str, &str); 2] = [
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint"),
    ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode"),
];

/// The service may have to fetch the role's keys itself.
const READ: Duration = Duration::from_secs(1);

/// The pause after a first 5xx; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// For how long keys are used that the service gives out after their end.
const EXTENSION: Seconds = 600;

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    if context.environment.get(DISABLED)?.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let said = timeout(context)?;
    if !is_elsewhere(context) && !is_connected(said.unwrap_or(CONNECT)) {
        return Ok(None);
    }
    block_on(context.until, async {
        let service = Service::new(said.unwrap_or(READ));
        let roles = match service.get(ROLES).await {
            Ok(roles) => roles,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(refused(&error)),
        };
        let Some(role) = roles.as_ref().lines().next().map(str::trim).filter(|role| !role.is_empty()) else {
            return Ok(None);
        };
        let answer = service.get(&format!("{ROLES}{role}")).await.map_err(|error| refused(&error))?;
        let keys = document::parse(answer.as_ref().as_bytes())
            .map_err(|problem| Error::unavailable(format!("what the instance metadata service answered {problem}")))?;
        // The service answers, so it can be asked for the region: once, since the keys are good without it.
        let region = service.client.get("/latest/meta-data/placement/region").await.ok();
        let region = region.map(|region| region.as_ref().trim().to_owned()).filter(|region| !region.is_empty());
        let keys =
            Keys { region, account: Some(format!("role {role}")), expires_at: extended(keys.expires_at), ..keys };
        Ok(Some(keys.with_source("metadata", format!("grant role {role} of this machine what it needs"))))
    })
}

/// A service that can't renew its keys goes on giving out the old ones, and AWS goes on taking them: so do AWS's SDKs,
/// which call it static stability. They are asked for again soon.
fn extended(expires_at: Option<Seconds>) -> Option<Seconds> {
    if is_past(expires_at) { Some(now() / 1000 + EXTENSION) } else { expires_at }
}

/// What the user says about the time of an attempt.
fn timeout(context: &SourceContext<'_>) -> Result<Option<Duration>, Error> {
    let said = context.environment.get(TIMEOUT)?.and_then(|text| text.parse().ok());
    Ok(said.filter(|seconds| (1..=30).contains(seconds)).map(Duration::from_secs))
}

fn is_elsewhere(context: &SourceContext<'_>) -> bool {
    let profile = context.named_profile().ok().flatten().unwrap_or(DEFAULT);
    let profile = context.profiles().ok().and_then(|profiles| profiles.get(profile));
    ELSEWHERE.iter().any(|(variable, setting)| {
        context.environment.get_os(variable).is_some() || profile.is_some_and(|own| own.setting(setting).is_some())
    })
}

/// Whether something at the service's address takes connections. The kernel makes them, so it does not matter for how
/// long this process waits for the processor.
fn is_connected(patience: Duration) -> bool {
    TcpStream::connect_timeout(&ADDRESS, patience).is_ok()
}

struct Service {
    client: Client,
    /// How long an attempt may take.
    patience: Duration,
}

impl Service {
    fn new(patience: Duration) -> Self {
        let config = ProviderConfig::without_region().with_http_client(http::without_proxy());
        let client = Client::builder()
            .configure(&config)
            // Not shorter: on a busy machine this process may not get to see in time that it is connected.
            .connect_timeout(patience)
            .read_timeout(patience)
            .operation_attempt_timeout(patience * 2)
            .operation_timeout(patience * 2)
            // Its own second attempt waits within the time of the first, so a 5xx would look like a service that is not
            // there.
            .max_attempts(1)
            .build();
        Self { client, patience }
    }

    /// Asks again after a 5xx, for twice the time of an attempt.
    async fn get(&self, path: &str) -> Result<SensitiveString, ImdsError> {
        let until = Instant::now() + self.patience * 2;
        let (mut pause, mut broken) = (PAUSE, None);
        loop {
            match self.client.get(path).await {
                Err(error) if status(&error).is_some_and(|status| status >= 500) && Instant::now() + pause < until => {
                    broken = Some(error);
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                // A service that answered before is there.
                Err(error) if status(&error).is_none() => return Err(broken.unwrap_or(error)),
                answer => return answer,
            }
        }
    }
}

/// Whether the machine has no role, or no metadata service of AWS: it does not answer or has no such token. Other clouds
/// have theirs at the same address. AWS's own answers 5xx if it fails.
fn is_absent(error: &ImdsError) -> bool {
    match error {
        ImdsError::IoError(_) => true,
        ImdsError::FailedToLoadToken(_) => match token_error(error) {
            Some(SdkError::ServiceError(answer)) => answer.raw().status().as_u16() < 500,
            Some(SdkError::TimeoutError(_) | SdkError::DispatchFailure(_)) => true,
            _ => false,
        },
        _ => status(error) == Some(404),
    }
}

/// The status of what the service answered.
fn status(error: &ImdsError) -> Option<u16> {
    match (error, token_error(error)) {
        (ImdsError::ErrorResponse(answer), _) => Some(answer.response().status().as_u16()),
        (_, Some(SdkError::ServiceError(answer))) => Some(answer.raw().status().as_u16()),
        _ => None,
    }
}

fn token_error(error: &ImdsError) -> Option<&SdkError<TokenError, HttpResponse>> {
    error.source()?.downcast_ref()
}

fn refused(error: &ImdsError) -> Error {
    let what = match error {
        ImdsError::ErrorResponse(answer) => format!("answered {}", answer.response().status().as_u16()),
        ImdsError::FailedToLoadToken(_) => "gave no token".to_owned(),
        _ => "did not answer".to_owned(),
    };
    Error::unavailable(format!(
        "the instance metadata service {what}; if you don't use it, run: export {DISABLED}=true"
    ))
}
