use std::path::PathBuf;

use claude_credential_files::{FileError, Waiting};

use crate::cache::Cache;

/// Registers this process as a waiter for a key, until it is dropped. The last waiter removes the shared answer.
pub(crate) struct WaitGuard {
    waiting: Option<Waiting>,
    shared: PathBuf,
}

impl Drop for WaitGuard {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.leave(|| {
                let _ = std::fs::remove_file(&self.shared);
            });
        }
    }
}

impl WaitGuard {
    pub(crate) fn register(cache: &Cache, key: &str) -> Result<Self, FileError> {
        let waiting = Waiting::announce(&cache.file(key, "waiting"))?;
        Ok(Self { waiting: Some(waiting), shared: cache.file(key, "shared") })
    }
}
