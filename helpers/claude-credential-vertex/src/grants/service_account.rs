use claude_credential_config::SourceContext;
use claude_credential_config::cloud::GOOGLE;
use claude_credential_http::Answer;
use claude_credential_protocol::{Error, now};
use yup_oauth2::ServiceAccountKey;

use crate::engine::{self, Grant};
use crate::error_response;
use crate::fields::Fields;
use crate::jwt;
use crate::sources::AdcFile;
use crate::token::Token;

/// Google's token endpoint. It is also the audience of the JWT, even if `token_uri` names another endpoint.
pub(crate) const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

pub(crate) fn token(context: &SourceContext<'_>, file: &AdcFile, fields: &Fields, scope: &str) -> Result<Token, Error> {
    let email = file.require("client_email", fields.client_email.as_deref())?;
    let key = file.require("private_key", fields.private_key.as_ref())?;
    let unusable = || {
        file.error(if jwt::is_elliptic(key) {
            "its `private_key` is one for ES256, and only RSA keys are read; create a key of the type RSA"
        } else {
            "its `private_key` is not an RSA key in PEM; get the file anew"
        })
    };
    if fields.universe() != GOOGLE {
        // Other universes have no token endpoint; there the JWT itself is the token.
        let here = now() / 1000;
        let claims = jwt::claims(email, scope, here);
        let token = jwt::sign(&claims, key, fields.private_key_id.as_deref()).ok_or_else(unusable)?;
        return Token::of(token, Some(here + jwt::LIFE), email);
    }
    let url = file.require_endpoint("token_uri", fields.token_uri.as_deref().unwrap_or(TOKEN_URI))?;
    let flow = Grant::ServiceAccount(Box::new(ServiceAccountKey {
        key_type: None,
        project_id: None,
        private_key_id: None,
        private_key: key.expose().to_owned(),
        client_email: email.to_owned(),
        client_id: None,
        auth_uri: None,
        token_uri: TOKEN_URI.to_owned(),
        auth_provider_x509_cert_url: None,
        client_x509_cert_url: None,
    }));
    let refused = |answer: &Answer, host: &str| error_response::key_refused(file, answer, host);
    engine::token(context, flow, url, scope, refused, unusable)
}
