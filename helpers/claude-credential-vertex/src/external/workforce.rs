use claude_credential_config::SourceContext;
use claude_credential_http::{Body, Call};
use claude_credential_protocol::{Error, Secret};

use crate::error_response;
use crate::fields::Fields;
use crate::sources::AdcFile;
use crate::token::{Token, send_with_retry};

/// A user's sign-in by gcloud with workforce identity federation.
pub(crate) fn token(context: &SourceContext<'_>, file: &AdcFile, fields: &Fields) -> Result<Token, Error> {
    let standard = format!("https://sts.{}/v1/oauthtoken", fields.universe());
    let url = file.require_endpoint("token_url", fields.token_url.as_deref().unwrap_or(&standard))?;
    file.require("client_id", fields.client_id.as_deref())?;
    let refresh_token = file.require("refresh_token", fields.refresh_token.as_ref()).map(Secret::expose)?;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let call = Call { url, body: Body::Form(&form), authorization: fields.client_authorization(), ..Call::default() };
    let (answer, host) = (send_with_retry(context, &call)?, call.host());
    if answer.is_success() {
        Token::from_response(&answer, &host)
    } else {
        Err(error_response::sign_in_refused(file, &answer, &host))
    }
}
