//! What an error of an AWS service asks of the user. Its code is told, its message never: that of a signature that does
//! not match repeats the headers that were signed, and the session token is one of them.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use claude_credential_protocol::{Class, Error, text};

/// Codes that speak of what the user wrote: the identity is good, and may not have what it asks for. Signing in once
/// more would end the same way.
const CONFIG_CODES: [&str; 8] = [
    "ValidationError",
    "MalformedPolicyDocument",
    "PackedPolicyTooLarge",
    "RegionDisabledException",
    "InvalidRequestException",
    "AccessDenied",
    "ForbiddenException",
    "ResourceNotFoundException",
];

/// Codes that may be another one the next time.
const TRANSIENT_CODES: [&str; 6] = [
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "IDPCommunicationError",
    "ServiceUnavailable",
    "InternalFailure",
];

/// What a call came to that did not come to an answer.
#[derive(Debug)]
pub(super) struct ServiceError {
    /// What the caller of the helper has to do.
    pub(super) class: Class,
    /// What happened, in the service's code.
    pub(super) what: String,
    /// The service's code, where it answered.
    pub(super) code: Option<String>,
}

impl ServiceError {
    pub(super) fn of<E: ProvideErrorMetadata>(service: &str, error: &SdkError<E, HttpResponse>) -> Self {
        let unavailable = |what: &str| Self {
            class: Class::Unavailable,
            what: format!("{service} {what}; try again, or look at the network"),
            code: None,
        };
        let SdkError::ServiceError(answered) = error else {
            return match error {
                SdkError::TimeoutError(_) => unavailable("did not answer in time"),
                SdkError::DispatchFailure(failure) if failure.is_timeout() => unavailable("did not answer in time"),
                SdkError::DispatchFailure(_) => unavailable("can't be reached"),
                SdkError::ResponseError(_) => unavailable("answered what can't be understood"),
                _ => Self { class: Class::Broke, what: format!("{service} could not be asked"), code: None },
            };
        };
        let status = answered.raw().status().as_u16();
        let code = answered.err().code().map(text::one_line);
        let is_one_of = |list: &[&str]| code.as_deref().is_some_and(|code| list.contains(&code));
        // A portal or a proxy in between: AWS's services say a code.
        let class = if code.is_none() || status >= 500 || status == 429 || is_one_of(&TRANSIENT_CODES) {
            Class::Unavailable
        } else if is_one_of(&CONFIG_CODES) {
            Class::Config
        } else {
            Class::SignIn
        };
        let what = match &code {
            Some(code) => format!("{service} answered {code}"),
            None => format!("something in place of {service} answered, with status {status}; look at the network"),
        };
        Self { class, what, code }
    }

    /// An answer that is none.
    pub(super) fn empty(service: &str) -> Self {
        Self { class: Class::Unavailable, what: format!("{service} answered without credentials"), code: None }
    }

    /// As an error: with `mend` where another credential helps, and with `written` where what the user wrote does.
    pub(super) fn to_error(&self, whose: &str, mend: &str, written: &str) -> Error {
        let what = &self.what;
        Error::new(
            self.class,
            match self.class {
                Class::SignIn => format!("{whose}: {what}; {mend}"),
                Class::Config => format!("{whose}: {what}; {written}"),
                _ => format!("{whose}: {what}"),
            },
        )
    }
}

/// What stopped us before the service could refuse.
impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        Self { class: error.class(), what: error.to_string(), code: None }
    }
}
