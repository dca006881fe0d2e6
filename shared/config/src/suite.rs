use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use claude_credential_process::Active;
use claude_credential_protocol::{Error, Request};

use crate::{Config, Environment, Folders};

// What every helper of the suite has besides its own options.
#[expect(missing_docs, reason = "clap would take them for the description of the helper")]
#[derive(Debug, Args)]
pub struct Suite {
    /// Read this file in place of your config.toml; bedrock and vertex read neither
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[arg(skip = Environment::here())]
    pub environment: Environment,

    #[arg(skip = Active::here())]
    pub active: Active,
}

impl Suite {
    /// Where everything is.
    pub fn folders(&self) -> Result<Folders, Error> {
        Folders::of(&self.environment)
    }

    /// The user's configuration.
    pub fn config(&self, folders: &Folders) -> Result<Config, Error> {
        Config::load(folders, self.config.as_deref())
    }

    /// What the sources need to answer `request`.
    #[must_use]
    pub fn context<'a>(&'a self, request: &'a Request, folders: &'a Folders) -> SourceContext<'a> {
        let Self { config, environment, active } = self;
        let until = Instant::now() + request.patience();
        SourceContext { request, environment, folders, config: config.as_deref(), active, until }
    }
}

/// A request and what the sources of a helper need to answer it.
#[derive(Debug)]
pub struct SourceContext<'a> {
    /// What is asked for.
    pub request: &'a Request,
    /// The variables.
    pub environment: &'a Environment,
    /// Where everything is.
    pub folders: &'a Folders,
    /// `--config`
    config: Option<&'a Path>,
    /// What is being asked for above us.
    pub active: &'a Active,
    /// When the caller gives up.
    pub until: Instant,
}

impl SourceContext<'_> {
    /// The user's configuration.
    pub fn config(&self) -> Result<Config, Error> {
        Config::load(self.folders, self.config)
    }

    /// The time until the caller gives up.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}
