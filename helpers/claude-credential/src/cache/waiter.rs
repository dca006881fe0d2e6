use std::path::PathBuf;

use claude_credential_files::{Problem, Waiting};

use crate::cache::Cache;

/// Our word that we wait. With the last one that is taken back, what was laid ready for those who waited goes.
pub(crate) struct Waiter {
    waiting: Option<Waiting>,
    shared: PathBuf,
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.leave(|| {
                let _ = std::fs::remove_file(&self.shared);
            });
        }
    }
}

impl Waiter {
    /// Gives our word, for that key.
    pub(crate) fn announce(cache: &Cache, key: &str) -> Result<Self, Problem> {
        let waiting = Waiting::announce(&cache.file(key, "waiting"))?;
        Ok(Self { waiting: Some(waiting), shared: cache.file(key, "shared") })
    }
}
