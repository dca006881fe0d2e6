use clap::Args;
use claude_credential_config::Suite;

use crate::sources::Source;

/// Answers with an access token of Google's application default credentials
#[derive(Args)]
pub(crate) struct Vertex {
    /// Where to look; may be repeated, and the first that has credentials wins [default: all, in the order shown]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    sources: Vec<Source>,

    #[command(flatten)]
    pub(crate) suite: Suite,
}

impl Vertex {
    pub(crate) fn sources(&self) -> &[Source] {
        if self.sources.is_empty() { &Source::ALL } else { &self.sources }
    }
}
