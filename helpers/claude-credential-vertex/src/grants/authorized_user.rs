use claude_credential_http::Call;
use claude_credential_protocol::Error;
use yup_oauth2::authorized_user::AuthorizedUserSecret;

use super::service_account::TOKEN_URI;
use crate::engine::{self, Flow, Outcome};
use crate::fields::Fields;
use crate::refusal;
use crate::source_context::Asked;
use crate::sources::File;
use crate::token::Token;

/// What gcloud left of a person's sign-in. The scope is that of the sign-in, whatever is asked for.
pub(crate) fn token(asked: &Asked<'_>, file: &File, fields: &Fields, scope: &str) -> Result<Token, Error> {
    let url = file.endpoint("token_uri", fields.token_uri.as_deref().unwrap_or(TOKEN_URI))?;
    let flow = Flow::AuthorizedUser(Box::new(AuthorizedUserSecret {
        client_id: file.need("client_id", fields.client_id.as_deref())?.to_owned(),
        client_secret: file.need("client_secret", fields.client_secret.as_ref())?.expose().to_owned(),
        refresh_token: file.need("refresh_token", fields.refresh_token.as_ref())?.expose().to_owned(),
        key_type: String::new(),
    }));
    match engine::token(asked, flow, url, scope)? {
        Outcome::Token(token) => Ok(token),
        Outcome::Refused(answer) => Err(refusal::of_person(file, &answer, &Call { url, ..Call::default() }.host())),
        Outcome::Unusable => Err(Error::broke(format!("{}: its token endpoint was not asked", file.shown))),
    }
}
