use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use claude_credential_config::{Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::{Error, Request};

use crate::source_context::SourceContext;
use crate::sources::Source;

/// Answers with an access token of Google's application default credentials
#[derive(Args)]
pub(crate) struct Vertex {
    /// Where to look; may be repeated, and the first that has credentials wins [default: all, in the order shown]
    #[arg(long = "source", value_name = "NAME", value_enum)]
    sources: Vec<Source>,

    /// Every helper of the suite takes this option; this one reads nothing from config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[arg(skip = Environment::here())]
    pub(crate) environment: Environment,

    #[arg(skip = Active::here())]
    pub(crate) active: Active,
}

impl Vertex {
    pub(crate) fn folders(&self) -> Result<Folders, Error> {
        Folders::of(&self.environment)
    }

    pub(crate) fn context<'a>(&'a self, request: &'a Request, folders: &'a Folders) -> SourceContext<'a> {
        let until = Instant::now() + request.patience();
        SourceContext { request, environment: &self.environment, folders, active: &self.active, until }
    }

    pub(crate) fn sources(&self) -> &[Source] {
        if self.sources.is_empty() { &Source::ALL } else { &self.sources }
    }
}
