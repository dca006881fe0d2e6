//! The role of a container, on ECS and EKS
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>). The SDK is not used,
//! because it rejects a token file that ends in a newline.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use claude_credential_files::{Trust, read};
use claude_credential_http::Call;
use claude_credential_protocol::{Error, Origin, Secret, text};

use crate::clock::Ahead;
use crate::document;
use crate::keys::Keys;
use crate::source_context::SourceContext;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// The address of the ECS service.
const ECS: &str = "http://169.254.170.2";

/// The hosts besides loopback that may be asked without TLS: ECS, and EKS over IPv4 and IPv6.
const NEARBY: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

const ATTEMPT: Duration = Duration::from_secs(5);

/// Three attempts that time out, with the pauses between them.
const ALL_ATTEMPTS: Duration = Duration::from_secs(16);

/// No token comes near this.
const MAX_TOKEN: u64 = 64 * 1024;

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    let (variable, url) = match (context.environment.get(RELATIVE)?, context.environment.get(FULL)?) {
        (Some(path), _) if path.starts_with('/') => (RELATIVE, format!("{ECS}{path}")),
        (Some(_), _) => return Err(Error::config(format!("{RELATIVE} does not start with /; mend it"))),
        (None, Some(url)) => (FULL, url.to_owned()),
        (None, None) => return Ok(None),
    };
    check(&url).map_err(|why| Error::config(format!("{variable} is {why}; mend it")))?;
    let token = token(context)?;
    let call = Call { url: &url, authorization: token, is_nearby: true, ..Call::default() };
    let until = context.until.min(Instant::now() + ALL_ATTEMPTS);
    let answer = call.probe_with_retry(ATTEMPT, until).map_err(|error| error.with_prefix(variable))?;
    context.clock.note(Ahead::of_date(answer.header("date")));
    let status = answer.status;
    match status {
        200 => {}
        401 | 403 => {
            let given = if context.environment.get_os(TOKEN_FILE).is_some() { TOKEN_FILE } else { TOKEN };
            return Err(Error::sign_in(format!("{variable}: the service answered {status}; renew {given}")));
        }
        429 | 500.. => return Err(Error::unavailable(format!("{variable}: the service answered {status}"))),
        _ => return Err(Error::config(format!("{variable}: the service answered {status}; mend {variable}"))),
    }
    let keys = document::parse(answer.bytes())
        .map_err(|problem| Error::unavailable(format!("{variable}: what the service answered {problem}")))?;
    Ok(Some(keys.with_source("container", format!("give this container a valid role ({variable})"))))
}

/// Requires TLS or an address on this machine or its link, since request and answer are secret.
fn check(url: &str) -> Result<(), String> {
    let origin = Origin::of_url(url).map_err(|error| error.to_string())?;
    let host = origin.host();
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let name = bracketed.unwrap_or_else(|| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let is_loopback = name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    if origin.protocol() == "https" || is_loopback || NEARBY.contains(&name) {
        return Ok(());
    }
    Err("neither https nor an address of this machine, ECS or EKS".to_owned())
}

fn token(context: &SourceContext<'_>) -> Result<Option<Secret>, Error> {
    let token = match context.environment.get_os(TOKEN_FILE).map(Path::new) {
        None => context.environment.get(TOKEN)?.map(Secret::from),
        Some(file) => {
            let found =
                read(file, Trust::Unchecked, MAX_TOKEN).map_err(|error| Error::from(error).with_prefix(TOKEN_FILE))?;
            let shown = text::shown_path(file);
            let found = found.ok_or_else(|| Error::config(format!("{TOKEN_FILE}: there is no {shown}; mend it")))?;
            Some(Secret::from(String::from_utf8_lossy(&found).as_ref()))
        }
    };
    Ok(token.map(|token| Secret::from(token.expose().trim())))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_token_goes_only_where_it_can_not_be_read_on_the_way() {
        for url in [
            "http://127.0.0.1:80/x",
            "http://[::1]:8080/x",
            "http://localhost/x",
            "http://169.254.170.2/v2",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "https://anybody.example/x",
        ] {
            assert!(check(url).is_ok(), "{url}");
        }
        for url in ["http://evil.example/x", "http://169.254.169.254/x", "http://127.0.0.1.evil.example/", "file:///x"]
        {
            assert!(check(url).is_err(), "{url}");
        }
    }
}
