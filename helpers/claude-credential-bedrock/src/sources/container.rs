//! The role of a container, on ECS and EKS
//! (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>). Asked by us and not by the
//! SDK, which takes no token file that ends in a newline.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Class, Error, Origin, Secret};

use crate::aws::{block_on, http};
use crate::document;
use crate::keys::Keys;
use crate::source_context::SourceContext;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// Where ECS answers.
const ECS: &str = "http://169.254.170.2";

/// Who may be asked without TLS, beside loopback: ECS, and EKS on either protocol.
const NEARBY: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

const CONNECT: Duration = Duration::from_secs(2);
const READ: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(250);
const MAX_ATTEMPTS: u32 = 3;

/// No answer with credentials comes near these.
const MAX_ANSWER: usize = 256 * 1024;
const MAX_TOKEN: u64 = 64 * 1024;

pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    let (variable, url) = match (context.environment.get(RELATIVE), context.environment.get(FULL)) {
        (Some(path), _) if path.starts_with('/') => (RELATIVE, format!("{ECS}{path}")),
        (Some(_), _) => return Err(Error::config(format!("{RELATIVE} does not begin with /; mend it"))),
        (None, Some(url)) => (FULL, url.to_owned()),
        (None, None) => return Ok(None),
    };
    check(&url).map_err(|why| Error::config(format!("{variable} is {why}; mend it")))?;
    let token = token(context)?;
    let (status, body) = block_on(context.until, persistently(variable, &url, token.as_ref()))?;
    match status {
        200 => {}
        401 | 403 => {
            let given = if context.environment.get(TOKEN_FILE).is_some() { TOKEN_FILE } else { TOKEN };
            return Err(Error::sign_in(format!("{variable}: the service answered {status}; renew {given}")));
        }
        429 | 500.. => return Err(Error::unavailable(format!("{variable}: the service answered {status}"))),
        _ => return Err(Error::config(format!("{variable}: the service answered {status}; mend {variable}"))),
    }
    let keys = document::parse(&body)
        .map_err(|problem| Error::unavailable(format!("{variable}: what the service answered {problem}")))?;
    Ok(Some(keys.with_source("container", format!("give this container a role that is good ({variable})"))))
}

/// Over TLS, or to where nobody can listen: what is sent there and comes back is secret.
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
    let token = match context.environment.get(TOKEN_FILE) {
        None => context.environment.get(TOKEN).map(Secret::from),
        Some(file) => {
            let found = read(Path::new(file), Trust::Anybody, MAX_TOKEN)?;
            let found = found.ok_or_else(|| Error::config(format!("{TOKEN_FILE}: there is no {file}; mend it")))?;
            Some(Secret::from(String::from_utf8_lossy(&found).as_ref()))
        }
    };
    Ok(token.map(|token| Secret::from(token.expose().trim())))
}

/// As AWS's own tools: a service that is just starting may be luckier the next time.
async fn persistently(variable: &str, url: &str, token: Option<&Secret>) -> Result<(u16, Vec<u8>), Error> {
    let mut attempts = 1;
    loop {
        let answer = exchange(variable, url, token).await;
        let is_passing = match &answer {
            Ok((status, _)) => *status == 429 || *status >= 500,
            Err(error) => error.class() == Class::Unavailable,
        };
        if !is_passing || attempts == MAX_ATTEMPTS {
            return answer;
        }
        tokio::time::sleep(PAUSE * attempts).await;
        attempts += 1;
    }
}

async fn exchange(variable: &str, url: &str, token: Option<&Secret>) -> Result<(u16, Vec<u8>), Error> {
    let unsendable = || Error::config(format!("{variable} or its token has characters that can't be sent; mend it"));
    let mut request = HttpRequest::empty();
    request.set_uri(url).map_err(|_| unsendable())?;
    request.headers_mut().try_insert("accept", "application/json").map_err(|_| unsendable())?;
    if let Some(token) = token {
        let token = token.expose().to_owned();
        request.headers_mut().try_insert("authorization", token).map_err(|_| unsendable())?;
    }
    let unavailable = |what: &str| Error::unavailable(format!("{variable}: the service {what}"));
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(READ).build();
    let answer = http::connector(settings).call(request).await;
    let answer = answer
        .map_err(|error| unavailable(if error.is_timeout() { "did not answer in time" } else { "can't be reached" }))?;
    let status = answer.status().as_u16();
    let mut body = Vec::with_capacity(16 * 1024);
    let mut stream = ByteStream::new(answer.into_body());
    while let Some(chunk) = stream.next().await {
        body.extend_from_slice(&chunk.map_err(|_| unavailable("broke off its answer"))?);
        if body.len() > MAX_ANSWER {
            return Err(unavailable("answers without end"));
        }
    }
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_token_goes_only_where_nobody_listens() {
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
