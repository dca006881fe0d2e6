//! Requests to AWS's services, with AWS's own SDK.

pub(crate) mod http;
mod service_error;
pub(crate) mod sso;
mod sso_token;
pub(crate) mod sts;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use claude_credential_protocol::Error;

use crate::profile::DEFAULT;
use crate::source_context::SourceContext;

/// A service that accepts no connection within this time is down.
const CONNECT: Duration = Duration::from_secs(5);

/// The time of one attempt.
const ATTEMPT: Duration = Duration::from_secs(6);

const MAX_ATTEMPTS: u32 = 3;

/// The SDK's configuration for a service in `region`. Endpoints, FIPS and the like come from the environment and the
/// profile. Credentials and the region are set, or the SDK would look for them in places that we leave out.
async fn sdk_config(context: &SourceContext<'_>, region: String) -> Result<SdkConfig, Error> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(context.left());
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region))
        .http_client(http::client(context)?)
        .no_credentials()
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS));
    let files = context.profiles()?.for_sdk(context.named_profile()?);
    Ok(loader.profile_name(DEFAULT).profile_files(files).load().await)
}
