use claude_credential_protocol::{Auth, BaseUrl, Credential, Error, Origin, Request, parse_token};

use crate::source_context::SourceContext;

const VARIABLE: &str = "AWS_BEARER_TOKEN_BEDROCK";

/// A Bedrock API key (<https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html>). It goes only to
/// Bedrock, or to the gateway that the user has configured in its place.
pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Credential>, Error> {
    let Some(value) = context.environment.get_os(VARIABLE) else { return Ok(None) };
    if !is_bedrock(context.request) && !is_own_gateway(context)? {
        return Ok(None);
    }
    let token = parse_token(value.as_encoded_bytes())
        .map_err(|problem| Error::config(format!("{VARIABLE} is not a key: {problem}; run: unset {VARIABLE}")))?;
    Ok(Some(Credential::new(Auth::Bearer(token)).from_source(format!("env:{VARIABLE}")).ephemeral()))
}

/// Matches `bedrock-runtime.REGION.amazonaws.com` and the FIPS, dual-stack and China hosts, by whole labels.
fn is_bedrock(request: &Request) -> bool {
    let labels: Vec<&str> = request.host.split('.').collect();
    let (service, region, domain) = match labels.as_slice() {
        [service, region, domain @ ..] => (*service, *region, domain),
        _ => return false,
    };
    request.protocol == "https"
        && matches!(service, "bedrock-runtime" | "bedrock-runtime-fips")
        && !region.is_empty()
        && matches!(domain, ["amazonaws", "com"] | ["amazonaws", "com", "cn"] | ["api", "aws"])
}

/// Whether the request is for the user's own gateway. A caller with `claude.v1` has checked it against the user's list.
fn is_own_gateway(context: &SourceContext<'_>) -> Result<bool, Error> {
    let own = context.environment.get("ANTHROPIC_BEDROCK_BASE_URL")?.and_then(|url| Origin::and_path(url).ok());
    let asked_for = context.request.place().and_then(|(origin, path)| BaseUrl::new(origin, path));
    let is_own = |asked_for: BaseUrl| own.is_some_and(|(origin, path)| asked_for.covers(&origin, path));
    Ok(context.request.capabilities.claude_v1 && asked_for.is_ok_and(is_own))
}

#[cfg(test)]
mod tests {
    use super::is_bedrock;
    use claude_credential_protocol::Request;

    #[test]
    fn the_key_goes_to_bedrock_by_whole_labels() {
        for host in [
            "bedrock-runtime.us-east-1.amazonaws.com",
            "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            "bedrock-runtime.cn-north-1.amazonaws.com.cn",
            "bedrock-runtime.eu-west-1.api.aws",
        ] {
            assert!(is_bedrock(&Request::new("https", host)), "{host}");
            assert!(!is_bedrock(&Request::new("http", host)), "{host}");
        }
        for host in [
            "bedrock-runtime.us-east-1.amazonaws.com.evil.example",
            "xbedrock-runtime.us-east-1.amazonaws.com",
            "bedrock-runtime.us-east-1.amazonaws.com:8443",
            "bedrock-runtime..amazonaws.com",
            "bedrock-runtime.amazonaws.com",
            "api.anthropic.com",
        ] {
            assert!(!is_bedrock(&Request::new("https", host)), "{host}");
        }
    }
}
