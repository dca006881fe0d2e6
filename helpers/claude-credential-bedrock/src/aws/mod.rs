//! What AWS's services are asked, with AWS's own SDK.

pub(crate) mod http;
mod refusal;
pub(crate) mod sso;
mod sso_token;
pub(crate) mod sts;

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use claude_credential_protocol::Error;
use tokio::runtime::{Builder, Runtime};

use crate::asked::Asked;

/// Who does not even answer the call is not there.
const CONNECT: Duration = Duration::from_secs(5);

/// One attempt: another one may be luckier.
const ATTEMPT: Duration = Duration::from_secs(6);

const MOST_ATTEMPTS: u32 = 3;

/// Runs `work` to its end, or to the caller's deadline.
pub(crate) fn block_on<T>(asked: &Asked<'_>, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = runtime().map_err(|error| Error::broke(format!("can't begin to ask AWS: {error}")))?;
    let late = |_| Err(Error::unavailable("AWS did not answer in time; try again, or look at the network"));
    runtime.block_on(async { tokio::time::timeout(asked.left(), work).await }).unwrap_or_else(late)
}

/// One thread, this one. It is never shut down: that would wait for a name resolution that hangs.
fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// What the SDK needs to know to ask a service in `region`: endpoints, FIPS and the like it takes from the environment
/// and the profile; credentials and the region it is told, or it would look for them where we did not.
async fn sdk_config(asked: &Asked<'_>, region: String) -> Result<SdkConfig, Error> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(asked.left());
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region))
        .http_client(http::client(asked)?)
        .no_credentials()
        .timeout_config(timeouts.build())
        .retry_config(RetryConfig::standard().with_max_attempts(MOST_ATTEMPTS));
    let loader = match asked.named_profile()? {
        Some(name) => loader.profile_name(name),
        None => loader,
    };
    let loader = match asked.profiles()?.files() {
        Some(files) => loader.profile_files(files),
        None => loader,
    };
    Ok(loader.load().await)
}
