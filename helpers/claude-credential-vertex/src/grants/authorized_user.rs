use claude_credential_config::SourceContext;
use claude_credential_http::Answer;
use claude_credential_protocol::Error;
use yup_oauth2::authorized_user::AuthorizedUserSecret;

use super::service_account::TOKEN_URI;
use crate::engine::{self, Grant};
use crate::error_response;
use crate::fields::Fields;
use crate::sources::AdcFile;
use crate::token::Token;

/// A user's sign-in by gcloud. Its tokens have the scope of the sign-in, whatever `scope` is.
pub(crate) fn token(context: &SourceContext<'_>, file: &AdcFile, fields: &Fields, scope: &str) -> Result<Token, Error> {
    let url = file.require_endpoint("token_uri", fields.token_uri.as_deref().unwrap_or(TOKEN_URI))?;
    let flow = Grant::AuthorizedUser(Box::new(AuthorizedUserSecret {
        client_id: file.require("client_id", fields.client_id.as_deref())?.to_owned(),
        client_secret: file.require("client_secret", fields.client_secret.as_ref())?.expose().to_owned(),
        refresh_token: file.require("refresh_token", fields.refresh_token.as_ref())?.expose().to_owned(),
        key_type: String::new(),
    }));
    let refused = |answer: &Answer, host: &str| error_response::sign_in_refused(file, answer, host);
    let unusable = || Error::broke(format!("{}: no request was sent to its token endpoint", file.shown));
    engine::token(context, flow, url, scope, refused, unusable)
}
