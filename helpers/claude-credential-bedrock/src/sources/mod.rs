//! The sources of credentials, one per module.

pub(crate) mod bearer;
mod command;
mod container;
mod environment;
mod export;
mod metadata;
mod process;
mod profile;
mod web_identity;

use clap::ValueEnum;
use claude_credential_protocol::Error;

use crate::keys::Keys;
use crate::source_context::SourceContext;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// What the `awsCredentialExport` command of Claude Code's user or managed settings prints
    Export,
    /// A Bedrock API key in `AWS_BEARER_TOKEN_BEDROCK`
    Bearer,
    /// `AWS_ACCESS_KEY_ID` and its companions
    Environment,
    /// The profile in ~/.aws/config and ~/.aws/credentials
    Profile,
    /// The role and token file of `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`
    WebIdentity,
    /// The container's role, on ECS and EKS
    Container,
    /// The machine's role, on EC2
    Metadata,
}

impl Source {
    /// In the order of Claude Code and, from the third on, of AWS's SDKs.
    pub(crate) const ALL: [Self; 7] = [
        Self::Export,
        Self::Bearer,
        Self::Environment,
        Self::Profile,
        Self::WebIdentity,
        Self::Container,
        Self::Metadata,
    ];

    /// The keys of this source; `None` if it has none.
    pub(crate) fn keys(self, context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
        match self {
            Self::Export => export::get(context),
            Self::Bearer => Ok(None),
            Self::Environment => environment::get(context),
            Self::Profile => profile::get(context),
            Self::WebIdentity => web_identity::get(context),
            Self::Container => container::get(context),
            Self::Metadata => metadata::get(context),
        }
    }
}
