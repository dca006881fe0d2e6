//! What the browser brings back from the provider, or the user pastes, and whether it answers our sign-in.

use claude_credential_protocol::Secret;
use reqwest::Url;

use crate::discovery::document::names_issuer;
use crate::token_error::Refusal;

/// The provider's answer to a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Callback {
    /// The code that is exchanged for tokens.
    Code(Secret),
    /// The provider or the user refused it (RFC 6749, 4.1.2.1).
    Refused(Refusal),
}

/// Why a callback is not the answer to our sign-in. The next one may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotOurs {
    /// No code in it.
    Nothing,
    /// The state is not ours.
    State,
    /// It came under another host's name.
    Host,
    /// The issuer is another one, or is missing although our provider always sends it (RFC 9207).
    Issuer,
}

/// What a callback to our sign-in has to carry.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) state: Secret,
    /// As the provider publishes it.
    pub(crate) issuer: Option<String>,
    /// The provider publishes that it always sends `iss`.
    pub(crate) says_issuer: bool,
}

impl Expected {
    /// Checks the parameters of a redirect.
    pub(crate) fn understand(&self, url: &Url) -> Result<Callback, NotOurs> {
        let get = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        if get("code").is_none() && get("error").is_none() {
            return Err(NotOurs::Nothing);
        }
        if get("state").map(Secret::from).as_ref() != Some(&self.state) {
            return Err(NotOurs::State);
        }
        let error = get("error");
        match (get("iss"), &self.issuer) {
            (Some(theirs), Some(issuer)) if !names_issuer(issuer, &theirs) => return Err(NotOurs::Issuer),
            // An error carries no code that could be another provider's, and not every server names itself in one.
            (None, _) if self.says_issuer && error.is_none() => return Err(NotOurs::Issuer),
            _ => {}
        }
        Ok(match (get("code"), error) {
            (Some(code), None) => Callback::Code(code.into()),
            (_, error) => {
                let description = get("error_description").unwrap_or_default().replace(self.state.expose(), "…");
                Callback::Refused(Refusal::new(&error.unwrap_or_default(), &description))
            }
        })
    }

    /// Checks what the user pasted: `code#state`, or the whole URL that the browser was sent to.
    pub(crate) fn understand_pasted(&self, text: &str) -> Result<Callback, NotOurs> {
        let text = text.trim().trim_matches(['\'', '"']);
        let query = match text.split_once('#') {
            _ if text.contains("://") => return self.understand(&Url::parse(text).map_err(|_| NotOurs::Nothing)?),
            Some((code, state)) => {
                let pairs = [("code", code), ("state", state)];
                let url = Url::parse_with_params("http://127.0.0.1/", pairs).map_err(|_| NotOurs::Nothing)?;
                // `code#state` has no place for an issuer; the state proves that it is ours.
                return Self { says_issuer: false, ..self.clone() }.understand(&url);
            }
            None => Url::parse(&format!("http://127.0.0.1/?{}", text.trim_start_matches('?')))
                .map_err(|_| NotOurs::Nothing)?,
        };
        self.understand(&query)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Callback, Expected, NotOurs};
    use crate::token_error::Refusal;

    pub(in super::super) fn expected() -> Expected {
        Expected { state: "STATE".into(), issuer: Some("https://a.example".to_owned()), says_issuer: false }
    }

    #[test]
    fn who_always_says_who_he_is_is_not_believed_without() {
        let expected = Expected { says_issuer: true, ..expected() };
        for (pasted, outcome) in [
            ("code=CANARY&state=STATE&iss=https://a.example", Ok(Callback::Code("CANARY".into()))),
            ("code=CANARY&state=STATE", Err(NotOurs::Issuer)),
            ("error=access_denied&state=STATE", Ok(Callback::Refused(Refusal::new("access_denied", "")))),
            ("error=access_denied&state=STATE&iss=https://evil.example", Err(NotOurs::Issuer)),
            ("code=CANARY&state=STATE&iss=https://evil.example", Err(NotOurs::Issuer)),
        ] {
            assert_eq!(expected.understand_pasted(&format!("http://127.0.0.1/callback?{pasted}")), outcome, "{pasted}");
        }
        assert_eq!(expected.understand_pasted("CANARY#STATE"), Ok(Callback::Code("CANARY".into())));
    }

    #[test]
    fn what_is_pasted_is_a_code_with_its_state_or_the_whole_url() {
        let code = Ok(Callback::Code("CANARY".into()));
        for good in [
            "CANARY#STATE",
            " CANARY#STATE\n",
            "http://127.0.0.1:1234/callback?code=CANARY&state=STATE",
            "'http://127.0.0.1:1234/callback?code=CANARY&state=STATE&iss=https%3A%2F%2Fa.example'",
            "code=CANARY&state=STATE",
        ] {
            assert_eq!(expected().understand_pasted(good), code, "{good}");
        }
        for (bad, why) in [
            ("", NotOurs::Nothing),
            ("CANARY", NotOurs::Nothing),
            ("CANARY#other", NotOurs::State),
            ("http://127.0.0.1/callback?code=CANARY", NotOurs::State),
            ("http://127.0.0.1/callback?code=CANARY&state=STATE&iss=x", NotOurs::Issuer),
        ] {
            assert_eq!(expected().understand_pasted(bad), Err(why), "{bad}");
        }
        let denied = expected().understand_pasted("http://127.0.0.1/callback?error=access_denied&state=STATE");
        assert_eq!(denied, Ok(Callback::Refused(Refusal::new("access_denied", ""))));
    }
}
