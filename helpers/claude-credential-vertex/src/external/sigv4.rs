use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use claude_credential_protocol::Secret;

/// Keys of AWS.
pub(crate) struct Keys {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Option<Secret>,
}

/// The headers of a POST of nothing to `url`, signed; none where that is no URL.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
pub(crate) fn signed(
    url: &str,
    region: &str,
    service: &str,
    keys: &Keys,
    at: SystemTime,
) -> Option<Vec<(String, Secret)>> {
    let Keys { access_key_id, secret_access_key, session_token } = keys;
    let token = session_token.as_ref().map(|token| token.expose().to_owned());
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
