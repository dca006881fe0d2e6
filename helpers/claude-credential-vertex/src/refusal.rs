//! What Google says when it gives no token.

use claude_credential_http::Answer;
use claude_credential_protocol::Error;
use serde::Deserialize;

use crate::sources::File;

/// RFC 6749, 5.2, and the word that Google adds. Its description may repeat what we sent, so nothing of it is shown.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
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

/// An organization wants its people to sign in again from time to time:
/// <https://support.google.com/a/answer/9368756>
const REAUTHENTICATION: [&str; 2] = ["invalid_rapt", "rapt_required"];

/// The word for why, as far as it is one that we know.
pub(crate) struct Why {
    pub(crate) code: Option<&'static str>,
    pub(crate) reauthentication: Option<&'static str>,
}

impl Why {
    pub(crate) fn of(answer: &Answer, host: &str) -> Self {
        let Refusal { error, error_subtype, error_description } = answer.json(host).unwrap_or_default();
        let code = CODES.into_iter().find(|code| *code == error);
        let says = |word: &&str| error == **word || error_subtype == **word || error_description.contains(*word);
        Self { code, reauthentication: REAUTHENTICATION.into_iter().find(says) }
    }

    /// As messages say it.
    fn shown(&self, answer: &Answer) -> String {
        self.code.map_or_else(|| format!("answered {}", answer.status), |code| format!("says {code}"))
    }
}

/// Of a person's sign-in.
pub(crate) fn of_person(file: &File, answer: &Answer, host: &str) -> Error {
    let (why, shown) = (Why::of(answer, host), &file.shown);
    let login = file.login();
    match why {
        Why { reauthentication: Some(word), .. } => {
            Error::sign_in(format!("{shown}: {host} wants a new sign-in of this person ({word}); {login}"))
        }
        Why { code: Some(code @ ("invalid_grant" | "access_denied" | "admin_policy_enforced")), .. } => {
            Error::sign_in(format!("{shown}: {host} says {code}, the sign-in is over; {login}"))
        }
        _ => Error::config(format!("{shown}: {host} {}; {login}", why.shown(answer))),
    }
}

/// Of a service account's key.
pub(crate) fn of_key(file: &File, answer: &Answer, host: &str) -> Error {
    let (why, shown) = (Why::of(answer, host), &file.shown);
    let said = why.shown(answer);
    // A JWT from the future is refused with the same word as one of a key that is gone.
    match answer.clock_ahead() {
        Some(ahead) if why.code == Some("invalid_grant") && ahead.unsigned_abs() > 300 => Error::config(format!(
            "{shown}: {host} {said}, and this machine's clock is {} s {} the server's; set the clock",
            ahead.unsigned_abs(),
            if ahead > 0 { "ahead of" } else { "behind" }
        )),
        _ => Error::config(format!(
            "{shown}: {host} {said} to its key, which may be deleted or disabled; put a new key there"
        )),
    }
}

/// Of a token from elsewhere, which was to be exchanged.
pub(crate) fn of_subject(file: &File, answer: &Answer, host: &str) -> Error {
    let said = Why::of(answer, host).shown(answer);
    Error::config(format!(
        "{}: {host} {said} to the token of its credential source; get a new one there, or mend `audience` and \
         `subject_token_type`",
        file.shown
    ))
}

/// Of who may not be somebody else.
pub(crate) fn of_impersonation(file: &File, answer: &Answer, host: &str, email: &str) -> Error {
    let (shown, status) = (&file.shown, answer.status);
    Error::config(format!(
        "{shown}: {host} answered {status} to who wants to be {email}; grant him roles/iam.serviceAccountTokenCreator there"
    ))
}
