//! Exchanges a credentials file for a token, one module per type.

mod authorized_user;
mod service_account;

use claude_credential_config::SourceContext;
use claude_credential_protocol::Error;

use crate::external;
use crate::fields::Fields;
use crate::impersonation::{self, IAM_SCOPE};
use crate::sources::{AdcFile, WORKFORCE};
use crate::token::Token;

/// Types of Google's that are not supported.
const OTHERS: [&str; 2] = ["gdch_service_account", "api_key"];

/// A token of `scope` for `fields`: those of `file`, or of the source credentials in it, for which this calls itself.
pub(crate) fn token(context: &SourceContext<'_>, file: &AdcFile, fields: &Fields, scope: &str) -> Result<Token, Error> {
    match fields.kind.as_deref() {
        Some("service_account") => service_account::token(context, file, fields, scope),
        Some("authorized_user") => authorized_user::token(context, file, fields, scope),
        Some(WORKFORCE) => {
            file.require_trusted()?;
            external::workforce::token(context, file, fields)
        }
        Some("external_account") => {
            file.require_trusted()?;
            external::token(context, file, fields, scope)
        }
        Some("impersonated_service_account") => {
            let source = impersonation::source(file, fields)?;
            let source = token(context, file, source, IAM_SCOPE)?;
            impersonation::exchange(context, file, fields, &source, scope)
        }
        Some(kind) => Err(file.error(match OTHERS.into_iter().find(|other| *other == kind) {
            Some(other) => {
                format!("credentials of the type {other} are not supported; use another credentials file")
            }
            None => "its `type` is unknown; get the file anew".to_owned(),
        })),
        None => Err(file.error("`type` is missing in it; get the file anew")),
    }
}
