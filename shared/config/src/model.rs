use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use claude_credential_protocol::text::shown_path;
use claude_credential_protocol::{BaseUrl, Kind, Origin};

use crate::key_store::KeyStore;
use crate::provider::Provider;

/// The built-in entries in their documented order: the default chain.
pub(crate) const BUILT_IN_CHAIN: [&str; 6] =
    ["auth-token", "oauth-token", "oauth-fd", "api-key-helper", "login", "api-key"];

/// Further built-in entries. A chain has them if it names them, or if the client is set up for that cloud.
pub(crate) const BUILT_IN_CLOUDS: [&str; 2] = ["bedrock", "vertex"];

/// Where credentials may go unless the user says otherwise.
pub(crate) const DEFAULT_HOST: &str = "api.anthropic.com";

/// What the name of a helper's executable begins with.
const PREFIX: &str = "claude-credential-";

/// The configuration: `config.toml`, or the defaults without one.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Its whole text, which is part of every cache key.
    pub text: String,
    /// For how long an answer is kept.
    pub ttl: Option<Duration>,
    /// Where stored keys are kept.
    pub key_store: KeyStore,
    /// How Claude Code's own stored login is used.
    pub claude_login: ClaudeLogin,
    /// All profiles; `default` is always among them.
    pub profiles: BTreeMap<String, Profile>,
    /// The user's entries.
    pub entries: BTreeMap<String, Entry>,
    /// The OAuth providers that the user configured.
    pub providers: BTreeMap<String, Provider>,
}

/// How Claude Code's own stored login is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClaudeLogin {
    /// Commands report that it is there; it is never used.
    #[default]
    Report,
    /// It answers the user's own programs.
    Read,
}

/// A chain, the hosts that its credentials may go to, and a TTL.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Where its credentials may go; never empty.
    pub hosts: Vec<BaseUrl>,
    /// The names of its entries, in the order of priority.
    pub chain: Vec<String>,
    /// The profile is chosen in these folders and everything below them.
    pub directories: Vec<PathBuf>,
    /// Claude Code's own folder for this profile, if it is not the usual one: another account of claude.ai.
    pub claude_config_dir: Option<PathBuf>,
    /// For how long its answers are kept.
    pub ttl: Option<Duration>,
}

/// One named line of a chain.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a line of the file, and none depends on another")]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Where the user wrote it, as `FILE:LINE`; `None` for a built-in entry.
    pub place: Option<String>,
    /// What is run.
    pub program: Program,
    /// What a command prints.
    pub kind: Kind,
    /// For how long its answers are kept.
    pub ttl: Option<Duration>,
    /// The variables on which its answers depend; without it, all of them.
    pub vary: Option<Vec<String>>,
    /// Goes on with the next entry when this one fails.
    pub on_error_next: bool,
    /// Exit codes of a command that mean "none".
    pub none_exit: Vec<i32>,
    /// A command that writes to stderr failed.
    pub stderr_is_error: bool,
    /// `store` and `erase` go to it.
    pub store: bool,
    /// It may be given refresh tokens.
    pub refresh_token: bool,
}

/// What an entry runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// `claude-credential-NAME`, or the executable at an absolute path, with options.
    Helper {
        /// The name or the path.
        name: String,
        /// Its options.
        args: Vec<String>,
    },
    /// A command that prints a key: the words of its command line.
    Command(Vec<String>),
    /// The same, for `/bin/sh -c`.
    Shell(String),
}

impl Config {
    /// The defaults, without a file.
    #[must_use]
    pub fn built_in() -> Self {
        let default = Profile::built_in("default");
        Self { profiles: BTreeMap::from([(default.name.clone(), default)]), ..Self::default() }
    }

    /// The file that messages name if the user has to change something: the one that was read, or the one to create.
    #[must_use]
    pub fn file_shown(&self) -> String {
        let file = self.file.as_ref().map(|file| shown_path(file));
        file.unwrap_or_else(|| "~/.config/claude-credential/config.toml".to_owned())
    }

    /// The provider that the built-in `login` entry means.
    #[must_use]
    pub fn default_provider(&self) -> Option<&Provider> {
        self.providers.values().find(|provider| provider.default)
    }

    /// Whether a chain may have an entry of that name.
    #[must_use]
    pub fn has_entry(&self, name: &str) -> bool {
        BUILT_IN_CHAIN.contains(&name) || BUILT_IN_CLOUDS.contains(&name) || self.entries.contains_key(name)
    }
}

impl Profile {
    /// The product's own chain, for the product's own host.
    ///
    /// # Panics
    ///
    /// Never: the default host is one.
    #[must_use]
    pub fn built_in(name: &str) -> Self {
        let host = BaseUrl::listed(DEFAULT_HOST).expect("the default host is a host");
        Self {
            name: name.to_owned(),
            hosts: vec![host],
            chain: BUILT_IN_CHAIN.map(str::to_owned).to_vec(),
            directories: Vec::new(),
            claude_config_dir: None,
            ttl: None,
        }
    }

    /// The line of `hosts` by which its credentials may go to `path` of `origin`, the longest of several; `None` if they
    /// may not. A path is given as it stands in the URL or request, without the slash that begins it; none is empty.
    #[must_use]
    pub fn lists(&self, origin: &Origin, path: &str) -> Option<&BaseUrl> {
        let covering = self.hosts.iter().filter(|host| host.covers(origin, path));
        covering.max_by_key(|host| host.path().len())
    }
}

impl Program {
    /// The names of this suite's helpers. They read our configuration, so they are told where it is.
    pub const SUITE: [&str; 4] = ["apikey", "oauth", "bedrock", "vertex"];

    /// The name of the helper that is run, without folder and prefix; `None` for a command.
    #[must_use]
    pub fn short_name(&self) -> Option<&str> {
        let Self::Helper { name, .. } = self else { return None };
        let file = name.rsplit('/').next().unwrap_or_default();
        Some(file.strip_prefix(PREFIX).unwrap_or(file))
    }

    /// Whether it is a helper of this suite, by its name or by its path.
    #[must_use]
    pub fn is_of_suite(&self) -> bool {
        self.short_name().is_some_and(|name| Self::SUITE.contains(&name))
    }

    /// Whether `file` is the name of an executable of this suite.
    pub(crate) fn is_suite_executable(file: &str) -> bool {
        file.strip_prefix(PREFIX).is_some_and(|name| Self::SUITE.contains(&name))
    }
}

impl Entry {
    /// Whether it runs a helper of this suite.
    #[must_use]
    pub fn is_of_suite(&self) -> bool {
        self.program.is_of_suite()
    }

    /// An entry that runs `program`, with the default for everything else.
    #[must_use]
    pub fn new(name: &str, program: Program) -> Self {
        Self {
            name: name.to_owned(),
            place: None,
            program,
            kind: Kind::ApiKey,
            ttl: None,
            vary: None,
            on_error_next: false,
            none_exit: Vec::new(),
            stderr_is_error: false,
            store: false,
            refresh_token: false,
        }
    }
}

/// Whether a word can be the name of a profile, entry, provider or helper: it becomes part of file names and of
/// command lines, so it begins with a letter or digit and has nothing in it that either would act on.
#[must_use]
pub fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && word.len() <= 64
        && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::{Entry, Program};

    #[test]
    fn a_helper_of_the_suite_is_known_by_name_and_by_path() {
        let helper = |name: &str| Program::Helper { name: name.to_owned(), args: Vec::new() };
        for (name, short, is_of_suite) in [
            ("oauth", "oauth", true),
            ("/opt/bin/claude-credential-vertex", "vertex", true),
            ("claude-credential-acme", "acme", false),
            ("/opt/oauth/acme", "acme", false),
        ] {
            assert_eq!(helper(name).short_name(), Some(short), "{name}");
            assert_eq!(Entry::new("x", helper(name)).is_of_suite(), is_of_suite, "{name}");
        }
        let shell = Program::Shell("oauth".to_owned());
        assert!(shell.short_name().is_none() && !shell.is_of_suite());
    }
}
