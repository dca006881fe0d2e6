//! Why a provider gave no tokens, in the standard's error codes.

use claude_credential_config::Provider;
use claude_credential_http::Answer;
use claude_credential_protocol::Error;

/// Why a provider gave no tokens.
#[derive(Debug)]
pub(crate) enum TokenError {
    /// The provider's error code.
    Code(&'static str, Answer),
    Error(Error),
}

/// The error codes of <https://www.iana.org/assignments/oauth-parameters>, and those of OpenID Connect, that we may meet.
const CODES: [&str; 18] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "unsupported_token_type",
    "invalid_scope",
    "invalid_target",
    "access_denied",
    "authorization_pending",
    "slow_down",
    "expired_token",
    "server_error",
    "temporarily_unavailable",
    "login_required",
    "consent_required",
    "interaction_required",
];

/// The standard's error code that `error` is; `None` for any other text.
pub(crate) fn code(error: &str) -> Option<&'static str> {
    CODES.into_iter().find(|code| *code == error)
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl TokenError {
    /// The message. `login` is the command that signs in again.
    pub(crate) fn error(&self, provider: &Provider, login: &str) -> Error {
        let name = &provider.name;
        match self {
            Self::Error(error) => error.clone(),
            Self::Code(code @ ("server_error" | "temporarily_unavailable" | "slow_down"), _) => {
                Error::unavailable(format!("{name} says {code}; try again later"))
            }
            Self::Code(
                code @ ("invalid_grant"
                | "access_denied"
                | "expired_token"
                | "login_required"
                | "consent_required"
                | "interaction_required"),
                _,
            ) if provider.flow.is_for_people() => Error::sign_in(format!("{name} says {code}; run: {login}")),
            Self::Code(code, _) => provider.error(format!("{name} says {code}; mend [provider.{name}] there")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn only_the_standards_own_words_are_repeated() {
        assert_eq!(code("invalid_grant"), Some("invalid_grant"));
        assert_eq!(code("CANARY"), None);
    }
}
