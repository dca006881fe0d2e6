//! The command line, and where the helper looks.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use claude_credential_config::Suite;
use claude_credential_protocol::{BaseUrl, Request};

/// Answers with an API key, or with the bearer token of `ANTHROPIC_AUTH_TOKEN`
#[derive(Args)]
pub(crate) struct Apikey {
    /// Where to look; may be repeated, and the first that has a key wins [default: all, in the order shown]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    sources: Vec<Source>,

    /// Read the key from this file alone; only you may be able to read it
    #[arg(long, value_name = "PATH", conflicts_with = "sources")]
    pub(crate) file: Option<PathBuf>,

    /// Where the key may go, and what login, logout and print mean
    #[arg(long, global = true, value_name = "HOST[:PORT]|URL", default_value = "api.anthropic.com", value_parser = BaseUrl::listed)]
    pub(crate) host: BaseUrl,

    #[command(flatten)]
    pub(crate) suite: Suite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// A bearer token in `ANTHROPIC_AUTH_TOKEN`
    AuthToken,
    /// What the `apiKeyHelper` command of Claude Code's user or managed settings prints
    ApiKeyHelper,
    /// `ANTHROPIC_API_KEY`
    Env,
    /// The descriptor that `CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR` names
    Fd,
    /// The key that `login` or `store` gave us to keep
    Kept,
}

impl Source {
    /// In the product's documented order.
    pub(crate) const ALL: [Self; 5] = [Self::AuthToken, Self::ApiKeyHelper, Self::Env, Self::Fd, Self::Kept];
}

impl Apikey {
    pub(crate) fn sources(&self) -> &[Source] {
        if self.sources.is_empty() { &Source::ALL } else { &self.sources }
    }

    pub(crate) fn keeps(&self) -> bool {
        self.file.is_none() && self.sources().contains(&Source::Kept)
    }

    /// Whether a source without hosts and accounts may answer: a variable, descriptor, command or file (compare
    /// CVE-2024-53858 of gh).
    pub(crate) fn may_go_to(&self, request: &Request) -> bool {
        request.username.is_none() && request.place().is_ok() && self.is_for(request)
    }

    /// A caller that speaks `claude.v1` has checked the host against the user's list; git asks for any host that a clone
    /// names.
    pub(crate) fn is_for(&self, request: &Request) -> bool {
        request.capabilities.claude_v1 || request.is_for(&self.host)
    }
}
