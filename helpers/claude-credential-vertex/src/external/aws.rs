//! AWS identities: the subject token is a signed `GetCallerIdentity` request, which Google sends to AWS.
//! <https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds>

use claude_credential_config::SourceContext;
use std::time::SystemTime;

use claude_credential_http::{Body, Call};
use claude_credential_protocol::{Error, Origin, Secret};
use serde_json::json;

use super::sigv4::{AwsKeys, signed};
use super::url;
use crate::encoding::percent_encoded;
use crate::fields::{CredentialSource, Fields};
use crate::sources::AdcFile;

/// The `IMDSv2` header for the lifetime of its token.
const TOKEN_LIFE: (&str, &str) = ("X-aws-ec2-metadata-token-ttl-seconds", "300");
const TOKEN: &str = "X-aws-ec2-metadata-token";

/// Fields of the file that contain a URL.
const QUESTION: &str = "regional_cred_verification_url";
const REGION: &str = "region_url";
const ROLES: &str = "url";
const SESSION: &str = "imdsv2_session_token_url";

pub(crate) fn subject(
    context: &SourceContext<'_>,
    file: &AdcFile,
    fields: &Fields,
    source: &CredentialSource,
    id: &str,
) -> Result<Secret, Error> {
    if id != "aws1" {
        return Err(file.error("its `environment_id` is not aws1, the only one supported; get the file anew"));
    }
    let question = file.require(QUESTION, source.regional_cred_verification_url.as_deref())?;
    let audience = file.require("audience", fields.audience.as_deref())?;
    let mut metadata = InstanceMetadata { context, file, source, token: None };
    let region = metadata.region()?;
    let question = question.replace("{region}", &region);
    // The holder of the signed request can run it with the user's keys, so no other request is signed.
    if !is_get_caller_identity(&question) {
        return Err(file.error(format!(
            "`{QUESTION}` is not GetCallerIdentity of AWS STS with a region in it; mend it there, or set AWS_REGION"
        )));
    }
    let keys = metadata.keys()?;
    let mut headers = signed(&question, &region, "sts", &keys, SystemTime::now())
        .ok_or_else(|| file.error(format!("what `{QUESTION}` names can't be signed")))?;
    headers.push(("x-goog-cloud-target-resource".to_owned(), audience.into()));
    let headers: Vec<_> = headers.iter().map(|(name, value)| json!({ "key": name, "value": value.expose() })).collect();
    let request = json!({ "url": question, "method": "POST", "headers": headers });
    Ok(percent_encoded(&request.to_string(), "/").into())
}

/// Whether a URL is `GetCallerIdentity` of STS (<https://docs.aws.amazon.com/general/latest/gr/sts.html>) and can be
/// parsed in one way only.
fn is_get_caller_identity(url: &str) -> bool {
    let Ok(origin) = Origin::of_url(url) else { return false };
    let Some((place, query)) = url.split_once('?') else { return false };
    let path = place.strip_prefix("https://").map(|rest| rest.split_once('/').map_or("", |(_, path)| path));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let (mut actions, mut versions) = (0, 0);
    for field in query.split('&') {
        match field.split_once('=') {
            Some(("Action", "GetCallerIdentity")) => actions += 1,
            Some(("Version", version)) if plain(version) => versions += 1,
            _ => return false,
        }
    }
    path == Some("") && is_sts(origin.host()) && actions == 1 && versions <= 1
}

/// Matches the global STS host and its regional, FIPS, dual-stack and China variants, by whole labels.
fn is_sts(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        ["sts", "amazonaws", "com"] => true,
        ["sts" | "sts-fips", region, domain @ ..] => {
            !region.is_empty()
                && matches!(
                    domain,
                    ["amazonaws", "com"]
                        | ["amazonaws", "com", "cn"]
                        | ["api", "aws"]
                        | ["api", "amazonwebservices", "com", "cn"]
                )
        }
        _ => false,
    }
}

/// The EC2 metadata service, for what the variables don't set.
struct InstanceMetadata<'a> {
    context: &'a SourceContext<'a>,
    file: &'a AdcFile,
    source: &'a CredentialSource,
    token: Option<Secret>,
}

impl InstanceMetadata<'_> {
    fn region(&mut self) -> Result<String, Error> {
        if let Some((_, region)) = self.context.environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"])? {
            return Ok(region.to_owned());
        }
        let zone = self.text(REGION, self.file.require(REGION, self.source.region_url.as_deref())?)?;
        // The availability zone is the region and a letter.
        let mut region = zone.expose().to_owned();
        region.pop();
        Ok(region)
    }

    fn keys(&mut self) -> Result<AwsKeys, Error> {
        let variable = |name| self.context.environment.get(name);
        if let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?) {
            let token = variable("AWS_SESSION_TOKEN")?.map(Secret::from);
            return Ok(AwsKeys { access_key_id: id.to_owned(), secret_access_key: secret.into(), token });
        }
        let roles = self.file.require(ROLES, self.source.url.as_deref())?;
        let role = self.text(ROLES, roles)?;
        let role = role.expose().lines().next().unwrap_or_default();
        let text = self.text(ROLES, &format!("{}/{}", roles.trim_end_matches('/'), percent_encoded(role, "")))?;
        serde_json::from_str(text.expose()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let shown = &self.file.shown;
            Error::unavailable(format!(
                "{shown}: what its `{ROLES}` returned is not a set of AWS keys: line {line}:{column}"
            ))
        })
    }

    fn text(&mut self, name: &str, url: &str) -> Result<Secret, Error> {
        let token = self.token()?;
        let headers: Vec<_> = token.iter().map(|token| (TOKEN, token.expose())).collect();
        let answer = url::ask(self.context, self.file, name, &Call { url, headers: &headers, ..Call::default() })?;
        self.said(name, answer.bytes())
    }

    /// The `IMDSv2` token, if the file has a URL for it.
    fn token(&mut self) -> Result<Option<Secret>, Error> {
        if let (None, Some(url)) = (&self.token, self.source.imdsv2_session_token_url.as_deref()) {
            let call = Call { url, body: Body::Put, headers: &[TOKEN_LIFE], ..Call::default() };
            let answer = url::ask(self.context, self.file, SESSION, &call)?;
            self.token = Some(self.said(SESSION, answer.bytes())?);
        }
        Ok(self.token.clone())
    }

    fn said(&self, name: &str, bytes: &[u8]) -> Result<Secret, Error> {
        let text = std::str::from_utf8(bytes).map(str::trim).ok().filter(|text| !text.is_empty());
        let wrong = || Error::unavailable(format!("{}: what its `{name}` returned is not text", self.file.shown));
        text.map(Secret::from).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::is_get_caller_identity;

    #[test]
    fn nothing_is_signed_but_the_question_who_asks() {
        let query = "?Action=GetCallerIdentity&Version=2011-06-15";
        for host in [
            "sts.amazonaws.com",
            "sts.eu-west-1.amazonaws.com",
            "sts-fips.us-gov-west-1.amazonaws.com",
            "sts.cn-north-1.amazonaws.com.cn",
            "sts.eu-west-1.api.aws",
            "sts.cn-north-1.api.amazonwebservices.com.cn",
        ] {
            for path in ["", "/"] {
                assert!(is_get_caller_identity(&format!("https://{host}{path}{query}")), "{host}");
            }
        }
        for host in [
            "iam.amazonaws.com",
            "sts.amazonaws.com:8443",
            "sts.amazonaws.com.evil.example",
            "sts.evil.example",
            "sts.a.b.amazonaws.com",
            "xsts.eu-west-1.amazonaws.com",
            "sts@iam.amazonaws.com",
            "169.254.169.254",
        ] {
            assert!(!is_get_caller_identity(&format!("https://{host}{query}")), "{host}");
        }
        let sts = "https://sts.eu-west-1.amazonaws.com";
        for rest in [
            "",
            "?",
            "?Version=2011-06-15",
            "?Action=CreateAccessKey",
            "?Action=GetCallerIdentity&Action=AssumeRole",
            "?Action=GetCallerIdentity&Action=GetCallerIdentity",
            "?Action=GetCallerIdentity&RoleArn=x",
            "?Action=GetCallerIdentity&%41ction=AssumeRole",
            "?Action=GetCallerIdentity#&Action=AssumeRole",
            "?Action=GetCallerIdentity&Version=1#x",
            "?Action=GetCallerIdentity;Action=AssumeRole",
            "/x?Action=GetCallerIdentity",
        ] {
            assert!(!is_get_caller_identity(&format!("{sts}{rest}")), "{rest}");
        }
        assert!(!is_get_caller_identity(&format!("http://sts.eu-west-1.amazonaws.com{query}")));
    }
}
