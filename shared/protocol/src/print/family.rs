use crate::header::is_oauth_beta;
use crate::{Auth, Credential};

/// Whose variables a credential goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `ANTHROPIC_API_KEY` or `ANTHROPIC_AUTH_TOKEN`.
    Anthropic,
    /// `CLAUDE_CODE_OAUTH_TOKEN`: the client adds the header by itself that such a token needs.
    OAuth,
    /// AWS's keys.
    Aws,
    /// `AWS_BEARER_TOKEN_BEDROCK`.
    BedrockKey,
    /// Google's token, as the client takes it where it is told to find none by itself.
    Vertex,
}

/// The switches of the clouds: the one that makes the client use the cloud, which wins over every key; and the one that
/// makes it leave the cloud's own credentials alone and send a gateway's key. If several are on, the first counts (seen
/// with 2.1.332).
pub const CLOUD_SWITCHES: [(&str, &str); 5] = [
    BEDROCK_SWITCHES,
    ("CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_SKIP_FOUNDRY_AUTH"),
    ("CLAUDE_CODE_USE_ANTHROPIC_AWS", "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH"),
    ("CLAUDE_CODE_USE_MANTLE", "CLAUDE_CODE_SKIP_MANTLE_AUTH"),
    VERTEX_SWITCHES,
];

pub(super) const BEDROCK_SWITCHES: (&str, &str) = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH");
pub(super) const VERTEX_SWITCHES: (&str, &str) = ("CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH");

/// Whether a switch of that value is on for the client: one of four words in any case, white space around it ignored.
/// Anything else is off.
#[must_use]
pub fn is_on(value: &str) -> bool {
    // What JavaScript trims.
    let is_blank = |c: char| c == '\u{FEFF}' || (c.is_whitespace() && c != '\u{85}');
    ["1", "true", "yes", "on"].iter().any(|word| value.trim_matches(is_blank).eq_ignore_ascii_case(word))
}

impl Family {
    /// The family of `credential`. `bearer` is the family of its source's bearer tokens, if known.
    #[must_use]
    pub fn of(credential: &Credential, bearer: Option<Self>) -> Self {
        let Credential { auth, headers, project, region, .. } = credential;
        match (auth, bearer) {
            (Auth::Aws { .. }, _) => Self::Aws,
            (Auth::Bearer(_), Some(family)) => family,
            // Only a token for Google comes with both.
            (Auth::Bearer(_), None) if project.is_some() && region.is_some() => Self::Vertex,
            (Auth::Bearer(_), None) if headers.iter().any(|header| is_oauth_beta(header)) => Self::OAuth,
            (Auth::ApiKey(_), _) | (Auth::Bearer(_), None) => Self::Anthropic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_on;

    #[test]
    fn a_switch_is_on_for_the_words_that_the_client_takes_and_off_for_every_other() {
        assert!(["1", "true", "TRUE", "yes", "Yes", "on", "ON", " 1", "true\n"].into_iter().all(is_on));
        assert!(!["", " ", "0", "false", "no", "off", "2", "enabled", "y", "11"].into_iter().any(is_on));
    }
}
