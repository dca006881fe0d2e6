//! What Google says when it gives no token.

use claude_credential_http::Answer;
use claude_credential_protocol::Error;
use serde::Deserialize;

use crate::sources::CredentialsFile;

/// RFC 6749, 5.2, and the word that Google adds. Its description may repeat what we sent, so nothing of it is shown.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorResponse {
    error: String,
    error_subtype: String,
    error_description: String,
}

/// The words of the standards that are repeated (RFC 6749, 5.2; RFC 8693, 2.2.2), and Google's own.
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

/// Google takes a JWT that is a few minutes off, in seconds.
const MAX_CLOCK_SKEW: u64 = 300;

/// Words for what passes, some of which come with a status that says otherwise.
const TRANSIENT: [&str; 3] = ["server_error", "temporarily_unavailable", "internal_failure"];

/// An organization wants its people to sign in again from time to time:
/// <https://support.google.com/a/answer/9368756>
const REAUTHENTICATION: [&str; 2] = ["invalid_rapt", "rapt_required"];

/// The word for why, as far as it is one that we know.
struct Reason {
    code: Option<&'static str>,
    reauthentication: Option<&'static str>,
}

impl Reason {
    fn of(refusal: &ErrorResponse) -> Self {
        let ErrorResponse { error, error_subtype, error_description } = refusal;
        let says = |word: &&str| error == *word || error_subtype == *word || error_description.contains(*word);
        Self {
            code: CODES.into_iter().find(|code| error == code),
            reauthentication: REAUTHENTICATION.into_iter().find(says),
        }
    }

    /// As messages say it.
    fn shown(&self, answer: &Answer) -> String {
        self.code.map_or_else(|| format!("answered {}", answer.status), |code| format!("says {code}"))
    }
}

/// Of a person's sign-in.
pub(crate) fn sign_in_refused(file: &CredentialsFile, answer: &Answer, host: &str) -> Error {
    let (shown, login) = (&file.shown, file.login_command());
    into_error(answer, host, |why| match why {
        Reason { reauthentication: Some(word), .. } => {
            Error::sign_in(format!("{shown}: {host} wants a new sign-in of this person ({word}); {login}"))
        }
        Reason { code: Some(code @ ("invalid_grant" | "access_denied" | "admin_policy_enforced")), .. } => {
            Error::sign_in(format!("{shown}: {host} says {code}, the sign-in is over; {login}"))
        }
        _ => Error::config(format!("{shown}: {host} {}; {login}", why.shown(answer))),
    })
}

/// Of a service account's key.
pub(crate) fn key_refused(file: &CredentialsFile, answer: &Answer, host: &str) -> Error {
    let shown = &file.shown;
    into_error(answer, host, |why| {
        let said = why.shown(answer);
        // A JWT from the future is refused with the same word as one of a key that is gone.
        match answer.clock_ahead() {
            Some(ahead) if why.code == Some("invalid_grant") && ahead.unsigned_abs() > MAX_CLOCK_SKEW => {
                Error::config(format!(
                    "{shown}: {host} {said}, and this machine's clock is {} s {} the server's; set the clock",
                    ahead.unsigned_abs(),
                    if ahead > 0 { "ahead of" } else { "behind" }
                ))
            }
            _ => Error::config(format!(
                "{shown}: {host} {said} to its key, which may be deleted or disabled; put a new key there"
            )),
        }
    })
}

/// Of a token from elsewhere, which was to be exchanged.
pub(crate) fn subject_refused(file: &CredentialsFile, answer: &Answer, host: &str) -> Error {
    into_error(answer, host, |why| {
        Error::config(format!(
            "{}: {host} {} to the token of its credential source; get a new one there, or mend `audience` and \
             `subject_token_type`",
            file.shown,
            why.shown(answer)
        ))
    })
}

/// Of who may not be somebody else, or asked for somebody who is not there.
pub(crate) fn impersonation_refused(file: &CredentialsFile, answer: &Answer, host: &str, email: &str) -> Error {
    let (shown, status) = (&file.shown, answer.status);
    let source = if file.fields.source_credentials.is_some() { "source_credentials" } else { "credential_source" };
    let mend = match status {
        400 => "mend `delegates` and `token_lifetime_seconds` there".to_owned(),
        401 => format!("the token of its `{source}` is not taken, mend that there"),
        403 => "grant him roles/iam.serviceAccountTokenCreator there".to_owned(),
        404 => "there is none of that name, mend `service_account_impersonation_url` there".to_owned(),
        _ => "look at `service_account_impersonation_url` there".to_owned(),
    };
    Error::config(format!("{shown}: {host} answered {status} to who wants to be {email}; {mend}"))
}

/// What passes is no refusal; of all else `tell` makes an error.
fn into_error(answer: &Answer, host: &str, tell: impl FnOnce(Reason) -> Error) -> Error {
    let refusal: ErrorResponse = answer.json(host).unwrap_or_default();
    match TRANSIENT.into_iter().find(|word| *word == refusal.error) {
        Some(word) => Error::unavailable(format!("{host} says {word}; try again later")),
        None => tell(Reason::of(&refusal)),
    }
}
