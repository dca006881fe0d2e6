use std::net::Ipv4Addr;

use claude_credential_config::{SourceContext, is_endpoint};
use claude_credential_http::{Answer, Body, Call};
use claude_credential_protocol::{Error, Origin, Secret};

use super::format::formatted;
use crate::fields::CredentialSource;
use crate::sources::AdcFile;
use crate::token::send_with_retry;

/// A token from a server, most often Azure's metadata service.
pub(crate) fn subject(
    context: &SourceContext<'_>,
    file: &AdcFile,
    source: &CredentialSource,
    url: &str,
) -> Result<Secret, Error> {
    let headers = source.headers.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    let headers = headers.collect::<Vec<_>>();
    let answer = ask(context, file, "url", &Call { url, headers: &headers, ..Call::default() })?;
    formatted(file, "what its `url` gives", answer.bytes(), source.format.as_ref())
}

/// Sends a request for a part of the subject token. `name` is the field of the file that has the URL.
pub(crate) fn ask(context: &SourceContext<'_>, file: &AdcFile, name: &str, call: &Call<'_>) -> Result<Answer, Error> {
    if !is_metadata_address(call.url) {
        file.require_endpoint(name, call.url)?;
    }
    let answer = send_with_retry(context, call)?;
    if answer.is_success() {
        return Ok(answer);
    }
    let (host, status) = (call.host(), answer.status);
    let what = if matches!(call.body, Body::Put) { " to a PUT" } else { "" };
    Err(file.error(format!("{host}, the `{name}` of its credential source, answered {status}{what}")))
}

/// Whether this is a plain HTTP URL of a cloud's metadata service, which offers no TLS.
fn is_metadata_address(url: &str) -> bool {
    // By the rules for all others, as if it were one of them.
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let Ok(origin) = Origin::of_url(url) else { return false };
    let name = origin.host().rsplit_once(':').map_or(origin.host(), |(name, _)| name);
    let link_local = name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_link_local());
    // The IPv6 address of AWS's service.
    let near = link_local || origin.host() == "[fd00:ec2::254]";
    near && is_endpoint(&format!("https://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::is_metadata_address;

    #[test]
    fn plain_http_goes_to_the_metadata_servers_of_clouds_alone() {
        for near in [
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01",
            "http://169.254.170.2:80/x",
            "http://[fd00:ec2::254]/latest/api/token",
        ] {
            assert!(is_metadata_address(near), "{near}");
        }
        for far in [
            "http://169.254.169.254.evil.example/",
            "http://169.255.169.254/",
            "http://a@169.254.169.254/",
            "http://10.0.0.1/",
            "https://169.254.169.254/",
        ] {
            assert!(!is_metadata_address(far), "{far}");
        }
    }
}
