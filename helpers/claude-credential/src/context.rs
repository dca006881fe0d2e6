use std::io::{self, IsTerminal};
use std::time::Duration;

use claude_credential_config::{Config, Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::{Interactive, Millis, now};

use crate::cli::Options;
use crate::failure::Failure;
use crate::log::Log;

/// One call lasts no longer than this: the client waits for its helper without a time-out of its own.
const DEADLINE: Duration = Duration::from_secs(30);

/// What every command starts from.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) environment: Environment,
    pub(crate) folders: Folders,
    pub(crate) config: Config,
    pub(crate) active: Active,
    pub(crate) interactive: Interactive,
    pub(crate) deadline: Millis,
    pub(crate) log: Log,
    /// The call comes from the `apiKeyHelper` setting, whose contract is stricter than ours with people.
    pub(crate) for_client: bool,
}

impl Context {
    pub(crate) fn new(options: Options, for_client: bool) -> Result<Self, Failure> {
        let environment = Environment::here();
        let folders = Folders::of(&environment)?;
        let config = Config::load(&folders, options.config.as_deref())?;
        let person = !for_client && !options.no_input && io::stdin().is_terminal() && io::stderr().is_terminal();
        Ok(Self {
            active: Active::here(),
            interactive: if person { Interactive::Auto } else { Interactive::Never },
            deadline: now() + millis(DEADLINE),
            log: Log::new(options.verbose, for_client),
            options,
            environment,
            folders,
            config,
            for_client,
        })
    }
}

pub(crate) fn millis(span: Duration) -> Millis {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
