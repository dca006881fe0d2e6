use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use claude_credential_config::{Config, Environment, Folders, claude};
use claude_credential_files::{FileError, create_new, exists};
use claude_credential_process::Active;
use claude_credential_protocol::{Error, Interactive, Millis, millis, now};

use crate::cache::{Cache, FastKey, PROFILE_VARIABLE};
use crate::cli::Options;
use crate::client::environment::environment_of_client;
use crate::client::mode::ClientMode;
use crate::failure::Failure;
use crate::terminal::log::Log;

/// One call lasts no longer than this: Claude Code waits for its helper without a time-out of its own.
const DEADLINE: Duration = Duration::from_secs(30);

/// The options, environment, folders and configuration of a call, which every command needs.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) environment: Environment,
    pub(crate) folders: Folders,
    pub(crate) config: Config,
    pub(crate) active: Active,
    pub(crate) deadline: Millis,
    pub(crate) log: Log,
    /// The call is for the `apiKeyHelper` setting, whose contract is stricter than that of the user's commands.
    pub(crate) for_client: bool,
    /// What Claude Code sends, according to `environment`.
    pub(crate) client_mode: ClientMode,
    /// Opened when it is first needed: an answer from a variable needs no cache.
    cache: OnceLock<Option<Cache>>,
    /// The key under which a hit is recorded for the next identical call.
    pub(crate) fast_key: Option<FastKey>,
}

impl Context {
    pub(crate) fn new(
        options: Options,
        for_client: bool,
        environment: Environment,
        fast_key: Option<FastKey>,
    ) -> Result<Self, Failure> {
        let folders = Folders::of(&environment)?;
        let config = Config::load(&folders, options.config.as_deref())?;
        Ok(Self { fast_key, ..Self::with(options, environment, folders, config, for_client) })
    }

    /// A context with folders and a configuration that were read before.
    pub(crate) fn with(
        options: Options,
        environment: Environment,
        folders: Folders,
        config: Config,
        for_client: bool,
    ) -> Self {
        Self {
            active: Active::here(),
            deadline: now() + millis(DEADLINE),
            log: Log::new(options.verbose, for_client),
            client_mode: ClientMode::of(&environment),
            options,
            environment,
            folders,
            config,
            for_client,
            cache: OnceLock::new(),
            fast_key: None,
        }
    }

    /// The context with the variables that Claude Code would have if it were started here: the settings of the user and
    /// of the administrator set some.
    pub(crate) fn of_client(&self, for_client: bool) -> Self {
        let folder = std::env::current_dir().unwrap_or_else(|_| self.folders.home.clone());
        let environment = environment_of_client(&self.environment, &claude::scopes(&folder, &self.folders));
        Self::with(self.options.clone(), environment, self.folders.clone(), self.config.clone(), for_client)
    }

    /// The same context for a call that neither reads nor writes the cache.
    pub(crate) fn without_cache(&self) -> Self {
        let options = Options { no_cache: true, ..self.options.clone() };
        let (folders, config) = (self.folders.clone(), self.config.clone());
        Self {
            deadline: self.deadline,
            ..Self::with(options, self.environment.clone(), folders, config, self.for_client)
        }
    }

    /// The cache of this call, which is opened once; `None` if the user wants none, or if it can't be used.
    pub(crate) fn cache(&self) -> Option<&Cache> {
        if self.options.no_cache {
            return None;
        }
        if let Some(fast_key) = &self.fast_key {
            return Some(fast_key.cache());
        }
        self.cache.get_or_init(|| self.open_cache().map_err(|problem| self.log.complain(&problem)).ok()).as_ref()
    }

    fn open_cache(&self) -> Result<Cache, FileError> {
        let runtime = &self.folders.runtime;
        let cache = Cache::open(runtime)?;
        if let Some(foreign) = self.folders.foreign_runtime.as_ref().filter(|_| !self.for_client) {
            // Said once for all calls: whoever can't mend it has the same cache in every shell.
            let said = runtime.join("elsewhere");
            if !exists(&said)? {
                create_new(&said, b"")?;
                self.log.cache_is_elsewhere(foreign, runtime);
            }
        }
        Ok(cache)
    }

    /// The configuration file, which may not exist.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.options.config.clone().unwrap_or_else(|| self.folders.config.join("config.toml"))
    }

    /// The profile that `CLAUDE_CREDENTIAL_PROFILE` names, if it counts: an option wins over it, and for Claude Code it
    /// does not count, since a project's settings can set its variables.
    pub(crate) fn profile_in_variable(&self) -> Result<Option<&str>, Error> {
        let counts = !self.for_client && self.options.profile.is_none();
        if counts { self.environment.get(PROFILE_VARIABLE) } else { Ok(None) }
    }

    /// Prepares the environment of a process that this one starts: a variable that did not count here must not count
    /// there, either.
    pub(crate) fn hand_down(&self, active: &Active, command: &mut Command) {
        if !self.profile_in_variable().is_ok_and(|name| name.is_some()) {
            command.env_remove(PROFILE_VARIABLE);
        }
        active.hand_down(command);
    }

    /// Whether the user can be asked. Determined only before a helper starts, since a hit does not need it.
    pub(crate) fn interactive(&self) -> Interactive {
        let may_ask = !self.for_client && !self.options.no_input;
        if may_ask && io::stdin().is_terminal() && io::stderr().is_terminal() {
            Interactive::Auto
        } else {
            Interactive::Never
        }
    }
}
