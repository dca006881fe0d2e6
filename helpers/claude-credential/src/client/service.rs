//! The clouds whose API Claude Code can use in place of Anthropic's own.

use claude_credential_protocol::CLOUD_SWITCHES;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Bedrock,
    Foundry,
    AnthropicAws,
    Mantle,
    Vertex,
}

impl Service {
    /// In the order of [`CLOUD_SWITCHES`]: the one that wins comes first.
    pub(crate) const ALL: [Self; 5] = [Self::Bedrock, Self::Foundry, Self::AnthropicAws, Self::Mantle, Self::Vertex];

    /// The variable that makes Claude Code use the cloud.
    pub(crate) fn use_switch(self) -> &'static str {
        CLOUD_SWITCHES[self as usize].0
    }

    /// The variable that makes Claude Code send a gateway's key instead of the cloud's own credentials.
    pub(crate) fn skip_switch(self) -> &'static str {
        CLOUD_SWITCHES[self as usize].1
    }

    /// The variable that sends Claude Code to another host than the cloud's own.
    pub(crate) fn base_url(self) -> &'static str {
        match self {
            Self::Bedrock => "ANTHROPIC_BEDROCK_BASE_URL",
            Self::Foundry => "ANTHROPIC_FOUNDRY_BASE_URL",
            Self::AnthropicAws => "ANTHROPIC_AWS_BASE_URL",
            Self::Mantle => "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
            Self::Vertex => "ANTHROPIC_VERTEX_BASE_URL",
        }
    }

    /// Its name, as the user knows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bedrock => "Amazon Bedrock",
            Self::Foundry => "Microsoft Foundry",
            Self::AnthropicAws => "Claude Platform on AWS",
            Self::Mantle => "Amazon Bedrock (Mantle)",
            Self::Vertex => "Google Vertex AI",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Service;

    #[test]
    fn each_has_switches_of_its_own_name() {
        for (service, word) in Service::ALL.into_iter().zip(["BEDROCK", "FOUNDRY", "ANTHROPIC_AWS", "MANTLE", "VERTEX"])
        {
            assert_eq!(service.use_switch(), format!("CLAUDE_CODE_USE_{word}"));
            assert_eq!(service.skip_switch(), format!("CLAUDE_CODE_SKIP_{word}_AUTH"));
        }
    }
}
