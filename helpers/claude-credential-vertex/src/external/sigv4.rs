use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use claude_credential_protocol::Secret;
use serde::Deserialize;

/// AWS credentials, as the EC2 metadata service returns those of a role.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AwsKeys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) token: Option<Secret>,
}

/// The signed headers of an empty POST to `url`; `None` if that is not a URL.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
pub(crate) fn signed(
    url: &str,
    region: &str,
    service: &str,
    keys: &AwsKeys,
    at: SystemTime,
) -> Option<Vec<(String, Secret)>> {
    let AwsKeys { access_key_id, secret_access_key, token } = keys;
    let token = token.as_ref().map(|token| token.expose().to_owned());
    let identity = Credentials::new(access_key_id, secret_access_key.expose(), token, None, "vertex").into();
    let parameters = SigningParams::builder().identity(&identity).region(region).name(service).time(at);
    let parameters = parameters.settings(SigningSettings::default()).build().ok()?.into();
    let host = url.split_once("://")?.1.split(['/', '?']).next()?;
    let headers = [("host", host)].into_iter();
    let request = SignableRequest::new("POST", url, headers, SignableBody::Bytes(&[])).ok()?;
    let (instructions, _) = sign(request, &parameters).ok()?.into_parts();
    let mut headers = vec![("host".to_owned(), host.into())];
    headers.extend(instructions.headers().map(|(name, value)| (name.to_owned(), value.into())));
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::{AwsKeys, signed};

    fn authorization(url: &str, region: &str, service: &str, keys: &AwsKeys, at: &str) -> String {
        let at = humantime::parse_rfc3339(at).unwrap();
        let headers = signed(url, region, service, keys, at).unwrap();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.contains(&"x-amz-security-token"), keys.token.is_some());
        assert!(names.contains(&"host") && names.contains(&"x-amz-date"), "{names:?}");
        headers.iter().find(|(name, _)| name == "authorization").unwrap().1.expose().to_owned()
    }

    /// `post-vanilla` and `post-vanilla-query` of
    /// <https://github.com/awslabs/aws-c-auth/tree/main/tests/aws-signing-test-suite>
    #[test]
    fn requests_are_signed_as_in_the_test_suite_of_aws() {
        let keys = AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        for (url, signature) in [
            ("https://example.amazonaws.com/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "https://example.amazonaws.com/?Param1=value1",
                "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
            ),
        ] {
            let said = authorization(url, "us-east-1", "service", &keys, "2015-08-30T12:36:00Z");
            assert_eq!(
                said,
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature={signature}"
                )
            );
        }
    }

    #[test]
    fn the_question_who_asks_is_signed_as_googles_library_signs_it() {
        let url = "https://sts.us-east-2.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15";
        let mut keys = AwsKeys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            token: None,
        };
        let at = "2020-08-11T06:55:22Z";
        let said = authorization(url, "us-east-2", "sts", &keys, at);
        assert!(said.ends_with("Signature=9e722e5b7bfa163447e2a14df118b45ebd283c5aea72019bdf921d6e7dc01a9a"), "{said}");
        keys.token = Some("token".into());
        let said = authorization(url, "us-east-2", "sts", &keys, at);
        assert!(said.contains("SignedHeaders=host;x-amz-date;x-amz-security-token,"), "{said}");
    }

    #[test]
    fn what_is_no_url_is_not_signed() {
        let keys = AwsKeys { access_key_id: "a".to_owned(), secret_access_key: "s".into(), token: None };
        for url in ["", "sts.amazonaws.com", "https://a b/"] {
            assert!(signed(url, "r", "sts", &keys, std::time::SystemTime::now()).is_none(), "{url}");
        }
    }
}
