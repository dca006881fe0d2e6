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

/// What makes the client talk to a cloud, which wins over every key; and what makes it leave that cloud's own
/// credentials alone.
pub const CLOUD_SWITCHES: [(&str, &str); 3] = [
    ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH"),
    ("CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH"),
    ("CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_SKIP_FOUNDRY_AUTH"),
];

/// Whether the client takes a switch of that value as on: anything but nothing, `0` or `false`.
#[must_use]
pub fn is_on(value: &str) -> bool {
    !["", "0", "false"].contains(&value)
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
