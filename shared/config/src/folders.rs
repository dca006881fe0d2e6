use std::path::{Path, PathBuf};

use claude_credential_files::is_own_folder;
use claude_credential_protocol::Error;

use crate::Environment;

/// The name of our folder in each of the user's.
const OURS: &str = "claude-credential";

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The user's home.
    pub home: PathBuf,
    /// Where `config.toml` is.
    pub config: PathBuf,
    /// What has to be kept: the index of keys, keys where there is no keychain, the generation.
    pub data: PathBuf,
    /// What can be had again: cached answers, locks. In memory where the system has such a place.
    pub runtime: PathBuf,
    /// The folder that `XDG_RUNTIME_DIR` names, if it is no folder of this user's and `runtime` is in `~/.cache` instead.
    pub foreign_runtime: Option<PathBuf>,
    /// Claude Code's own folder.
    pub claude: PathBuf,
}

impl Folders {
    /// As the environment says (<https://specifications.freedesktop.org/basedir-spec/latest/>). The user database is
    /// never asked: a static executable can't, and `HOME` is what the user can see and change.
    pub fn of(environment: &Environment) -> Result<Self, Error> {
        let folder = |name: &str| match environment.get_os(name).map(Path::new) {
            Some(path) if !path.is_absolute() => Err(Error::config(format!(
                "{name} is not an absolute path; run: unset {name}, or set it to one that begins with /"
            ))),
            path => Ok(path.map(Path::to_owned)),
        };
        let home = folder("HOME")?.ok_or_else(|| Error::config("HOME is not set; run: export HOME=/your/home"))?;
        let or_home = |variable: &str, below: &str| Ok::<_, Error>(folder(variable)?.unwrap_or(home.join(below)));
        let cache = or_home("XDG_CACHE_HOME", ".cache")?;
        // As su, sudo, WSL and containers leave it. The specification wants it to be the user's, and the cache elsewhere
        // where it is not.
        let (runtime, foreign_runtime) = match folder("XDG_RUNTIME_DIR")? {
            Some(runtime) if is_own_folder(&runtime) => (runtime, None),
            foreign => (cache, foreign),
        };
        Ok(Self {
            config: or_home("XDG_CONFIG_HOME", ".config")?.join(OURS),
            data: or_home("XDG_DATA_HOME", ".local/share")?.join(OURS),
            runtime: runtime.join(OURS),
            foreign_runtime,
            claude: or_home("CLAUDE_CONFIG_DIR", ".claude")?,
            home,
        })
    }

    /// `path` with the home's name in place of a leading `~`.
    #[must_use]
    pub fn expand(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        path.strip_prefix("~").map_or_else(|_| path.to_owned(), |below| self.home.join(below))
    }
}

#[cfg(test)]
mod tests {
    use super::Folders;
    use crate::Environment;

    #[test]
    fn a_relative_folder_is_refused_by_name() {
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"] {
            let environment = Environment::from_pairs([("HOME", "/home/me"), (name, "relative")]);
            let error = Folders::of(&environment).unwrap_err();
            assert!(error.to_string().starts_with(name), "{error}");
        }
        assert!(Folders::of(&Environment::default()).is_err());
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let environment = Environment::from_pairs([("HOME", "/home/me"), ("XDG_RUNTIME_DIR", "")]);
        assert_eq!(Folders::of(&environment).unwrap().runtime.to_str(), Some("/home/me/.cache/claude-credential"));
    }
}
