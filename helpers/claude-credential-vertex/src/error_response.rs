//! Error responses of token endpoints.

use claude_credential_http::Answer;
use claude_credential_protocol::Error;
use serde::Deserialize;

use crate::sources::AdcFile;

/// RFC 6749, 5.2, with Google's `error_subtype`. The description may repeat the request, so it is never shown.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorResponse {
    error: String,
    error_subtype: String,
    error_description: String,
}

/// The codes that messages may show: those of RFC 6749, 5.2 and RFC 8693, 2.2.2, and Google's own.
const CODES: [&str; 11] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "access_denied",
    "admin_policy_enforced",
    "org_internal",
    "deleted_client",
];

/// The clock skew in seconds that Google tolerates in a JWT.
const MAX_CLOCK_SKEW: u64 = 300;

/// Codes of transient errors. Some come with a status that suggests otherwise.
const TRANSIENT: [&str; 3] = ["server_error", "temporarily_unavailable", "internal_failure"];

/// Codes of an organization's rule to sign in again from time to time:
/// <https://support.google.com/a/answer/9368756>
const REAUTHENTICATION: [&str; 2] = ["invalid_rapt", "rapt_required"];

/// The known codes in a response.
struct Reason {
    code: Option<&'static str>,
    reauthentication: Option<&'static str>,
}

impl Reason {
    fn of(response: &ErrorResponse) -> Self {
        let ErrorResponse { error, error_subtype, error_description } = response;
        let says = |word: &&str| error == *word || error_subtype == *word || error_description.contains(*word);
        Self {
            code: CODES.into_iter().find(|code| error == code),
            reauthentication: REAUTHENTICATION.into_iter().find(says),
        }
    }

    /// The code for messages, or the status.
    fn shown(&self, answer: &Answer) -> String {
        self.code.map_or_else(|| format!("answered {}", answer.status), |code| format!("says {code}"))
    }
}

/// The error for a user's sign-in that was rejected.
pub(crate) fn sign_in_refused(file: &AdcFile, answer: &Answer, host: &str) -> Error {
    let (shown, login) = (&file.shown, file.login_command());
    into_error(answer, host, |reason| match reason {
        Reason { reauthentication: Some(word), .. } => {
            Error::sign_in(format!("{shown}: {host} requires a new sign-in ({word}); {login}"))
        }
        Reason { code: Some(code @ ("invalid_grant" | "access_denied" | "admin_policy_enforced")), .. } => {
            Error::sign_in(format!("{shown}: {host} says {code}, the sign-in is no longer valid; {login}"))
        }
        _ => file.error(format!("{host} {}; {login}", reason.shown(answer))),
    })
}

/// The error for a service account's key that was rejected.
pub(crate) fn key_refused(file: &AdcFile, answer: &Answer, host: &str) -> Error {
    into_error(answer, host, |reason| {
        let said = reason.shown(answer);
        // Google uses one code for a JWT from the future and for a deleted key.
        match answer.clock_ahead() {
            Some(ahead) if reason.code == Some("invalid_grant") && ahead.unsigned_abs() > MAX_CLOCK_SKEW => {
                file.error(format!(
                    "{host} {said}, and this machine's clock is {} s {} the server's; set the clock",
                    ahead.unsigned_abs(),
                    if ahead > 0 { "ahead of" } else { "behind" }
                ))
            }
            _ => file.error(format!("{host} {said} to its key, which may be deleted or disabled; put a new key there")),
        }
    })
}

/// The error for a subject token that was rejected.
pub(crate) fn subject_refused(file: &AdcFile, answer: &Answer, host: &str) -> Error {
    into_error(answer, host, |reason| {
        file.error(format!(
            "{host} {} to the token of its credential source; get a new one there, or mend `audience` and \
             `subject_token_type`",
            reason.shown(answer)
        ))
    })
}

/// The error for an impersonation that was rejected.
pub(crate) fn impersonation_refused(file: &AdcFile, answer: &Answer, host: &str, email: &str) -> Error {
    let status = answer.status;
    let source = if file.fields.source_credentials.is_some() { "source_credentials" } else { "credential_source" };
    let mend = match status {
        400 => "mend `delegates` and `token_lifetime_seconds` there".to_owned(),
        401 => format!("the token of its `{source}` was rejected, mend that there"),
        403 => "grant roles/iam.serviceAccountTokenCreator on it".to_owned(),
        404 => "it does not exist, mend `service_account_impersonation_url` there".to_owned(),
        _ => "look at `service_account_impersonation_url` there".to_owned(),
    };
    file.error(format!("{host} answered {status} to the impersonation of {email}; {mend}"))
}

/// The error for a transient code, or else the one that `tell` makes.
fn into_error(answer: &Answer, host: &str, tell: impl FnOnce(Reason) -> Error) -> Error {
    let response: ErrorResponse = answer.json(host).unwrap_or_default();
    match TRANSIENT.into_iter().find(|word| *word == response.error) {
        Some(word) => Error::unavailable(format!("{host} says {word}; try again later")),
        None => tell(Reason::of(&response)),
    }
}
