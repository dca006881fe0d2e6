use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use claude_credential_files::{create_new, ensure_folder, hex, random};

/// The client's own secrets in our environment, which no child of ours gets: with this one a process could pose as the
/// client.
pub const CLIENT_SECRETS: [&str; 1] = ["CLAUDE_CODE_MESSAGING_TOKEN"];

const VARIABLE: &str = "CLAUDE_CREDENTIAL_ACTIVE";

/// What is being asked for above us: a nonce for the whole call, and the key of each question in it. With it a chain
/// that leads back to itself is seen at the first turn, through any number of scripts between.
#[derive(Debug, Clone)]
pub struct Active {
    /// Made when it is first handed down: most calls start no child.
    nonce: OnceLock<String>,
    keys: Vec<String>,
}

impl Active {
    /// What the environment says, or a new call where it says nothing that we wrote.
    #[must_use]
    pub fn from_value(value: Option<&str>) -> Self {
        let mut words = value.unwrap_or_default().split(' ').map(str::to_owned);
        // The nonce becomes the name of a file: parsed, not trusted.
        let is_nonce = |word: &String| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        match words.next().filter(is_nonce) {
            Some(nonce) => Self { nonce: nonce.into(), keys: words.collect() },
            None => Self { nonce: OnceLock::new(), keys: Vec::new() },
        }
    }

    /// As [`Active::from_value`], for this process.
    #[must_use]
    pub fn here() -> Self {
        Self::from_value(std::env::var(VARIABLE).ok().as_deref())
    }

    /// Whether that key is being asked for above us.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.keys.iter().any(|active| active == key)
    }

    /// How many questions there are above us.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.keys.len()
    }

    /// One question more.
    #[must_use]
    pub fn with(&self, key: &str) -> Self {
        let keys = self.keys.iter().cloned().chain([key.to_owned()]).collect();
        Self { nonce: self.nonce().to_owned().into(), keys }
    }

    /// Prepares a child's environment: it learns what is asked, and gets none of the client's own secrets.
    pub fn hand_down(&self, command: &mut Command) {
        for secret in CLIENT_SECRETS {
            command.env_remove(secret);
        }
        command.env(VARIABLE, [&[self.nonce().to_owned()], self.keys.as_slice()].concat().join(" "));
    }

    /// Whether `key` is being asked for above us. If so, a mark is left for the process that asks: exit codes and
    /// stdout may be lost in the scripts between.
    #[must_use]
    pub fn leads_back(&self, key: &str, runtime: &Path) -> bool {
        let leads_back = self.contains(key);
        if leads_back {
            self.mark(runtime);
        }
        leads_back
    }

    /// Does `work` with `key` among the active keys; `None` if what it ran led back to us.
    pub fn under<T>(&self, key: &str, runtime: &Path, work: impl FnOnce(&Self) -> T) -> Option<T> {
        let inner = self.with(key);
        let outcome = work(&inner);
        (!inner.take_mark(runtime)).then_some(outcome)
    }

    /// Leaves a mark for the outermost call: the command of the setting that it runs leads back to us.
    pub fn mark(&self, runtime: &Path) {
        // Without the mark the outer call fails instead of going on; nothing worse.
        let _ = ensure_folder(runtime).and_then(|()| create_new(&self.marker(runtime), b""));
    }

    /// Whether that mark was left; removes it.
    fn take_mark(&self, runtime: &Path) -> bool {
        fs::remove_file(self.marker(runtime)).is_ok()
    }

    fn nonce(&self) -> &str {
        self.nonce.get_or_init(|| hex(&random::<16>()))
    }

    fn marker(&self, runtime: &Path) -> PathBuf {
        runtime.join(format!("{}.itself", self.nonce()))
    }
}

#[cfg(test)]
mod tests {
    use super::Active;

    #[test]
    fn a_nonce_that_is_no_nonce_never_becomes_a_path() {
        for value in ["../../etc/passwd a", "", "0123 a", "0123456789abcdef0123456789abcde/ a"] {
            let active = Active::from_value(Some(value));
            assert!(active.nonce().bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
            assert!(!active.contains("a"), "{value}");
        }
    }

    #[test]
    fn a_child_learns_every_question_above_it() {
        let mut command = std::process::Command::new("true");
        Active::from_value(None).with("one").with("two").hand_down(&mut command);
        let value = command.get_envs().find(|(name, _)| *name == super::VARIABLE).and_then(|(_, value)| value);
        let inner = Active::from_value(value.and_then(std::ffi::OsStr::to_str));
        assert!(inner.contains("one") && inner.contains("two") && !inner.contains("three"));
    }
}
