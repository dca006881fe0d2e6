use std::cell::OnceCell;
use std::time::Instant;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use claude_credential_config::{Folders, Suite};
use claude_credential_protocol::Request;

use crate::clock::ServerClock;
use crate::source_context::SourceContext;
use crate::sources::Source;

/// Answers with AWS credentials, or with a Bedrock API key
#[derive(Args)]
pub(crate) struct Bedrock {
    /// Where to look; may be repeated, and the first that has something wins [default: all, in the order shown]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    sources: Vec<Source>,

    /// The profile in ~/.aws/config to use, and nothing else [default: `AWS_PROFILE` or `AWS_DEFAULT_PROFILE`, as one source among the others]
    #[arg(long, value_name = "NAME", conflicts_with = "sources", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) aws_profile: Option<String>,

    /// The region [default: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Exchange long-lived keys for a session, since Claude Code takes no others
    #[arg(long)]
    pub(crate) session: bool,

    #[command(flatten)]
    pub(crate) suite: Suite,
}

impl Bedrock {
    pub(crate) fn context<'a>(&'a self, request: &'a Request, folders: &'a Folders) -> SourceContext<'a> {
        SourceContext {
            request,
            environment: &self.suite.environment,
            folders,
            active: &self.suite.active,
            aws_profile: self.aws_profile.as_deref(),
            region_option: self.region.as_deref(),
            until: Instant::now() + request.patience(),
            profiles: OnceCell::new(),
            clock: ServerClock::default(),
        }
    }

    pub(crate) fn sources(&self) -> &[Source] {
        if self.aws_profile.is_some() {
            &[Source::Profile]
        } else if self.sources.is_empty() {
            &Source::ALL
        } else {
            &self.sources
        }
    }
}
