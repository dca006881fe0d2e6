//! From a credentials file to a token: one module, one type.

mod authorized_user;
pub(crate) mod impersonation;
mod service_account;

use claude_credential_protocol::Error;

use self::impersonation::IAM_SCOPE;
use crate::external;
use crate::fields::Fields;
use crate::source_context::Asked;
use crate::sources::{File, WORKFORCE};
use crate::token::Token;

/// Types that there are, and for which there is nothing here.
const OTHERS: [&str; 2] = ["gdch_service_account", "api_key"];

/// A token of `scope` for what `fields` describe: the whole of `file`, or the credentials in it from which others are had.
pub(crate) fn token(asked: &Asked<'_>, file: &File, fields: &Fields, scope: &str) -> Result<Token, Error> {
    let shown = &file.shown;
    match fields.kind.as_deref() {
        Some("service_account") => service_account::token(asked, file, fields, scope),
        Some("authorized_user") => authorized_user::token(asked, file, fields, scope),
        Some(WORKFORCE) => {
            file.hold()?;
            external::workforce::token(asked, file, fields)
        }
        Some("external_account") => {
            file.hold()?;
            external::token(asked, file, fields, scope)
        }
        Some("impersonated_service_account") => {
            let source = impersonation::source(file, fields)?;
            let source = token(asked, file, source, IAM_SCOPE)?;
            impersonation::exchange(asked, file, fields, &source, scope)
        }
        Some(kind) => Err(Error::config(match OTHERS.into_iter().find(|other| *other == kind) {
            Some(other) => {
                format!("{shown}: credentials of the type {other} are not supported; use another credentials file")
            }
            None => format!("{shown}: its `type` is none that is known; get the file anew"),
        })),
        None => Err(Error::config(format!("{shown}: `type` is missing in it; get the file anew"))),
    }
}
