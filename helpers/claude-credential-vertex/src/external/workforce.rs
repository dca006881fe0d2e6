use claude_credential_http::{Body, Call};
use claude_credential_protocol::{Error, Secret};

use crate::fields::Fields;
use crate::refusal;
use crate::source_context::Asked;
use crate::sources::File;
use crate::token::{Token, insist};

/// What gcloud left of the sign-in of a person whose account is elsewhere (workforce identity federation).
pub(crate) fn token(asked: &Asked<'_>, file: &File, fields: &Fields) -> Result<Token, Error> {
    let standard = format!("https://sts.{}/v1/oauthtoken", fields.universe());
    let url = file.endpoint("token_url", fields.token_url.as_deref().unwrap_or(&standard))?;
    file.need("client_id", fields.client_id.as_deref())?;
    let refresh_token = file.need("refresh_token", fields.refresh_token.as_ref()).map(Secret::expose)?;
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    let call = Call { url, body: Body::Form(&form), authorization: fields.client_authorization(), ..Call::default() };
    let (answer, host) = (insist(asked, &call)?, call.host());
    if answer.is_success() { Token::given(&answer, &host) } else { Err(refusal::of_person(file, &answer, &host)) }
}
