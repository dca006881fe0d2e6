//! Errors of AWS services. Messages show the error code and never the service's own message: that of a signature
//! mismatch repeats the signed headers, and the session token is one of them.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use claude_credential_protocol::{Class, Error, text};

use crate::clock::Ahead;

/// Codes for a mistake in the configuration: the identity is valid, but may not have what it asks for. Signing in again
/// would not help.
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

/// Codes for a signature that the server finds too old or too new, or wrong in another way.
const SIGNATURE_CODES: [&str; 5] = [
    "RequestExpired",
    "RequestTimeTooSkewed",
    "RequestInTheFuture",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
];

/// Those of them that have no other reason than a clock.
const CLOCK_CODES: [&str; 3] = ["RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"];

/// Codes for errors that may pass.
const TRANSIENT_CODES: [&str; 6] = [
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "IDPCommunicationError",
    "ServiceUnavailable",
    "InternalFailure",
];

/// A failed request to a service.
#[derive(Debug)]
pub(super) struct ServiceError {
    /// The class of the error that the helper reports.
    pub(super) class: Class,
    /// What happened.
    pub(super) what: String,
    /// The service's error code; `None` if it sent none.
    pub(super) code: Option<String>,
    /// The reason is this machine's clock, which `what` says: no other credential helps.
    pub(super) is_clock: bool,
}

impl ServiceError {
    pub(super) fn of<E: ProvideErrorMetadata>(service: &str, error: &SdkError<E, HttpResponse>) -> Self {
        let SdkError::ServiceError(answered) = error else {
            let what = match error {
                SdkError::TimeoutError(_) => "did not answer in time",
                SdkError::DispatchFailure(failure) if failure.is_timeout() => "did not answer in time",
                // How its words end depends on the reason, so they are looked through and not shown.
                SdkError::DispatchFailure(failure) if format!("{failure:?}").contains("InvalidCertificate") => {
                    return Error::unavailable(format!(
                        "the certificate of {service} is not one of an authority that is trusted here; if your network \
                         has its own, name its file in AWS_CA_BUNDLE"
                    ))
                    .into();
                }
                SdkError::DispatchFailure(_) => "can't be reached",
                SdkError::ResponseError(_) => "sent a malformed answer",
                _ => return Error::broke(format!("{service} could not be asked")).into(),
            };
            return Error::unavailable(format!("{service} {what}; try again, or check the network")).into();
        };
        let status = answered.raw().status().as_u16();
        let code = answered.err().code().map(text::one_line);
        let is_one_of = |list: &[&str]| code.as_deref().is_some_and(|code| list.contains(&code));
        let ahead = Ahead::of_date(answered.raw().headers().get("date")).filter(|ahead| ahead.is_too_much());
        let clock = match ahead {
            Some(ahead) if is_one_of(&SIGNATURE_CODES) => Some(ahead.to_string()),
            _ if is_one_of(&CLOCK_CODES) => Some("this machine's clock is wrong; set the clock".to_owned()),
            _ => None,
        };
        // Without a code the answer comes from a portal or a proxy: AWS's services always send one.
        let class = if code.is_none() || status >= 500 || status == 429 || is_one_of(&TRANSIENT_CODES) {
            Class::Unavailable
        } else if clock.is_some() || is_one_of(&CONFIG_CODES) {
            Class::Config
        } else {
            Class::SignIn
        };
        let is_clock = clock.is_some();
        let what = match (&code, clock) {
            (Some(code), Some(clock)) => format!("{service} answered {code}, and {clock}"),
            (Some(code), None) => format!("{service} answered {code}"),
            (None, _) => format!("a server that is not {service} answered with status {status}; check the network"),
        };
        Self { class, what, code, is_clock }
    }

    /// The error to report. `mend` is appended if another credential helps, `written` if a change of the configuration
    /// does.
    pub(super) fn to_error(&self, whose: &str, mend: &str, written: &str) -> Error {
        let error = Error::new(self.class, &self.what).with_prefix(whose);
        match self.class {
            Class::SignIn => Error::sign_in(format!("{error}; {mend}")),
            Class::Config if !self.is_clock => Error::config(format!("{error}; {written}")),
            _ => error,
        }
    }
}

/// An error without a code of the service's.
impl From<Error> for ServiceError {
    fn from(error: Error) -> Self {
        Self { class: error.class(), what: error.to_string(), code: None, is_clock: false }
    }
}
