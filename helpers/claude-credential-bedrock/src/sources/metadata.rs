//! The role of an EC2 machine, from its metadata service
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html>). It is asked last and
//! with short timeouts, because a laptop has none.

use std::error::Error as _;
use std::time::Duration;

use aws_config::imds::Client;
use aws_config::imds::client::error::{ImdsError, TokenError};
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use claude_credential_protocol::Error;

use crate::aws::http;
use crate::document;
use crate::keys::Keys;
use crate::runtime::block_on;
use crate::source_context::SourceContext;

const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

/// The timeout in seconds, by the name that AWS's older tools have for it.
const TIMEOUT: &str = "AWS_METADATA_SERVICE_TIMEOUT";

/// A service on the machine's own link accepts a connection within a millisecond.
const CONNECT: Duration = Duration::from_millis(150);

/// The service may have to fetch the role's keys itself.
const READ: Duration = Duration::from_secs(1);

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    if context.environment.get(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    block_on(context.until, async {
        let client = client(context);
        let roles = match client.get(ROLES).await {
            Ok(roles) => roles,
            // No service answers, or the machine has no role.
            Err(error) if is_absent(&error) => return Ok(None),
            Err(ImdsError::ErrorResponse(answer)) if answer.response().status().as_u16() == 404 => return Ok(None),
            Err(ImdsError::IoError(_)) => return Ok(None),
            Err(error) => return Err(refused(&error)),
        };
        let Some(role) = roles.as_ref().lines().next().map(str::trim).filter(|role| !role.is_empty()) else {
            return Ok(None);
        };
        let answer = client.get(format!("{ROLES}{role}")).await.map_err(|error| refused(&error))?;
        let keys = document::parse(answer.as_ref().as_bytes())
            .map_err(|problem| Error::unavailable(format!("what the instance metadata service answered {problem}")))?;
        // The service answers, so it can be asked for the region.
        let region = client.get("/latest/meta-data/placement/region").await.ok();
        let region = region.map(|region| region.as_ref().trim().to_owned()).filter(|region| !region.is_empty());
        let keys = Keys { region, account: Some(format!("role {role}")), ..keys };
        Ok(Some(keys.with_source("metadata", format!("grant role {role} of this machine what it needs"))))
    })
}

fn client(context: &SourceContext<'_>) -> Client {
    let said = context.environment.get(TIMEOUT).and_then(|text| text.parse().ok());
    let patience = said.filter(|seconds| (1..=30).contains(seconds)).map(Duration::from_secs);
    let config = ProviderConfig::without_region().with_http_client(http::without_proxy());
    Client::builder()
        .configure(&config)
        .connect_timeout(patience.unwrap_or(CONNECT))
        .read_timeout(patience.unwrap_or(READ))
        .operation_attempt_timeout(patience.unwrap_or(READ))
        .operation_timeout(patience.unwrap_or(READ) * 2)
        .max_attempts(2)
        .build()
}

/// Whether this is not AWS's metadata service: it does not answer or has no such token. Other clouds have theirs at the
/// same address. AWS's own answers 5xx if it fails.
fn is_absent(error: &ImdsError) -> bool {
    if !matches!(error, ImdsError::FailedToLoadToken(_)) {
        return false;
    }
    match error.source().and_then(|source| source.downcast_ref::<SdkError<TokenError, HttpResponse>>()) {
        Some(SdkError::ServiceError(answer)) => answer.raw().status().as_u16() < 500,
        Some(SdkError::TimeoutError(_) | SdkError::DispatchFailure(_)) => true,
        _ => false,
    }
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
