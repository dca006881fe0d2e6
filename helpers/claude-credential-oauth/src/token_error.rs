//! Why a provider gave no tokens, in the standard's error codes.

use claude_credential_config::Provider;
use claude_credential_http::Answer;
use claude_credential_protocol::{Error, text};

/// The longest error code, and the longest description, that is shown.
const MAX_CODE: usize = 60;
const MAX_DESCRIPTION: usize = 200;

/// Why a provider gave no tokens.
#[derive(Debug)]
pub(crate) enum TokenError {
    /// The provider's error code.
    Code(&'static str, Answer),
    /// The provider refused, in words that are not the standard's.
    Unclear(Error),
    Error(Error),
}

/// The error codes of <https://www.iana.org/assignments/oauth-parameters>, and those of OpenID Connect, that we may meet.
const CODES: [&str; 19] = [
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
    "account_selection_required",
];

/// What others call it: GitHub
/// (<https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#error-codes-for-the-device-flow>,
/// <https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors>)
/// and Slack (<https://docs.slack.dev/reference/methods/oauth.v2.access>).
const ALIASES: [(&str, &str); 9] = [
    ("bad_refresh_token", "invalid_grant"),
    ("bad_verification_code", "invalid_grant"),
    ("invalid_refresh_token", "invalid_grant"),
    ("token_revoked", "invalid_grant"),
    ("incorrect_client_credentials", "invalid_client"),
    ("incorrect_device_code", "expired_token"),
    ("token_expired", "expired_token"),
    ("redirect_uri_mismatch", "invalid_request"),
    ("device_flow_disabled", "unauthorized_client"),
];

/// The standard's error code that `error` is, or means; `None` for any other text.
pub(crate) fn code(error: &str) -> Option<&'static str> {
    let meant = ALIASES.into_iter().find(|(alias, _)| *alias == error).map_or(error, |(_, meant)| meant);
    CODES.into_iter().find(|code| *code == meant)
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl TokenError {
    /// The message. `login` is the command that signs in again.
    pub(crate) fn error(&self, provider: &Provider, login: &str) -> Error {
        match self {
            Self::Error(error) | Self::Unclear(error) => error.clone(),
            Self::Code(code, _) => error_of(code, &format!("{} says {code}", provider.name), provider, login),
        }
    }
}

/// Why the provider sent the browser back without a code. It answers an address that has no secret in it, so unlike a
/// token endpoint's its words are shown, cleaned and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    code: String,
    description: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, description: &str) -> Self {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let code: String = code.chars().filter(|c| is_word(*c)).take(MAX_CODE).collect();
        let shown = |word| if text::is_secret_like(word) { "…" } else { word };
        let words: Vec<&str> = description.split_whitespace().map(shown).collect();
        let description = words.join(" ");
        let cut: String = description.chars().take(MAX_DESCRIPTION).collect();
        let end = if cut.len() < description.len() { "…" } else { "" };
        Self { code, description: format!("{}{end}", text::one_line(&cut)) }
    }

    /// The message. `login` is the command that signs in again.
    pub(crate) fn error(&self, provider: &Provider, login: &str) -> Error {
        let code = if self.code.is_empty() { "an error without a code" } else { &self.code };
        let description = if self.description.is_empty() { String::new() } else { format!(" ({})", self.description) };
        let said = format!("{} refused the sign-in: {code}{description}", provider.name);
        // LinkedIn's and Ping's words for a user who said no.
        let code = if code.starts_with("user_cancel") { "access_denied" } else { code };
        error_of(code, &said, provider, login)
    }
}

/// The error for a code of the standard, or any other.
fn error_of(code: &str, said: &str, provider: &Provider, login: &str) -> Error {
    match code {
        "server_error" | "temporarily_unavailable" | "slow_down" => {
            Error::unavailable(format!("{said}; try again later"))
        }
        "invalid_grant"
        | "access_denied"
        | "expired_token"
        | "login_required"
        | "consent_required"
        | "interaction_required"
        | "account_selection_required"
            if provider.flow.is_for_people() =>
        {
            Error::sign_in(format!("{said}; run: {login}"))
        }
        _ => provider.error(format!("{said}; mend {} there", settings(code, provider))),
    }
}

/// The settings that an error code speaks of.
fn settings(code: &str, provider: &Provider) -> String {
    let name = &provider.name;
    match code {
        "invalid_scope" => "`scopes`".to_owned(),
        "invalid_target" => "`resource` or `audience`".to_owned(),
        "invalid_client" => "`client_id`, the client secret or `client_authentication`".to_owned(),
        "unauthorized_client" | "unsupported_grant_type" | "unsupported_response_type" => {
            "`flow`, or what `client_id` is registered for,".to_owned()
        }
        "invalid_request" => format!("the lines of [provider.{name}], or the redirect URI registered for `client_id`,"),
        _ => format!("[provider.{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use claude_credential_config::{Flow, Provider};
    use claude_credential_protocol::Class;

    use super::{Refusal, code};

    #[test]
    fn only_the_standards_own_words_are_repeated() {
        assert_eq!(code("invalid_grant"), Some("invalid_grant"));
        assert_eq!(code("bad_refresh_token"), Some("invalid_grant"));
        assert_eq!(code("CANARY"), None);
    }

    #[test]
    fn only_what_a_new_sign_in_can_mend_asks_for_one() {
        let provider = Provider::new("acme", "/c.toml:3", Flow::default());
        for (code, class, says) in [
            ("access_denied", Class::SignIn, "run: LOGIN"),
            ("login_required", Class::SignIn, "run: LOGIN"),
            ("user_cancelled_login", Class::SignIn, "user_cancelled_login"),
            (
                "invalid_scope",
                Class::Config,
                "/c.toml:3: acme refused the sign-in: invalid_scope (why so); mend `scopes`",
            ),
            ("invalid_request", Class::Config, "redirect URI"),
            ("unauthorized_client", Class::Config, "`client_id`"),
            ("invalid_target", Class::Config, "`resource`"),
            ("unheard_of", Class::Config, "unheard_of (why so)"),
            ("", Class::Config, "without a code"),
            ("server_error", Class::Unavailable, "later"),
        ] {
            let error = Refusal::new(code, " why\n so").error(&provider, "LOGIN");
            assert!(error.class() == class && error.to_string().contains(says), "{code}: {error}");
        }
    }

    #[test]
    fn a_description_is_cleaned_and_cut() {
        let Refusal { code, description } =
            Refusal::new("a\u{1b}[2Jb", &format!("\u{1b}[31m sk-ant-CANARY {}", "x ".repeat(300)));
        assert_eq!(code, "a2b");
        assert!(description.starts_with("?[31m … x") && description.ends_with('…'), "{description}");
        assert!(description.chars().count() <= 202 && !description.contains("CANARY"), "{description}");
    }
}
