//! The text of `config.toml`, and what every part of it has in common.

use std::path::PathBuf;
use std::time::Duration;

use claude_credential_protocol::{BaseUrl, Error, text};
use toml::Spanned;

use crate::Folders;
use crate::model::is_name;

/// The file under parse: turns a place in it into `FILE:LINE`.
pub(super) struct ConfigText<'a> {
    pub(super) shown: String,
    pub(super) text: &'a str,
}

impl ConfigText<'_> {
    pub(super) fn error(&self, at: usize, message: &str) -> Error {
        Error::config(format!("{}: {message}", self.of(at)))
    }

    pub(super) fn of(&self, at: usize) -> String {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.shown)
    }

    pub(super) fn name(&self, what: &str, name: &Spanned<String>) -> Result<(), Error> {
        if text::is_secret_like(name.get_ref()) {
            let message = format!("the name of a {what} seems to be the secret itself; give it a name");
            return Err(self.error(name.span().start, &message));
        }
        if is_name(name.get_ref()) {
            return Ok(());
        }
        let message = format!("the name of a {what} has lower-case letters, digits, - and _, 64 at most");
        Err(self.error(name.span().start, &message))
    }

    pub(super) fn ttl(&self, ttl: Option<Spanned<String>>) -> Result<Option<Duration>, Error> {
        let Some(ttl) = ttl else { return Ok(None) };
        let parsed = humantime::parse_duration(ttl.get_ref());
        parsed.map(Some).map_err(|_| self.error(ttl.span().start, "`ttl` is a time such as \"90s\", \"5m\" or \"1h\""))
    }

    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        value: Option<&Spanned<String>>,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Error> {
        let Some(value) = value else { return Ok(None) };
        let found = choices.iter().find(|(name, _)| name == value.get_ref()).map(|(_, choice)| *choice);
        found.map(Some).ok_or_else(|| {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            self.error(value.span().start, &format!("`{key}` is one of {}", names.join(", ")))
        })
    }

    /// A path below the home folder or the root; else an error with `message`.
    pub(super) fn absolute(&self, path: &Spanned<String>, folders: &Folders, message: &str) -> Result<PathBuf, Error> {
        let expanded = folders.expand(path.get_ref());
        if expanded.is_absolute() { Ok(expanded) } else { Err(self.error(path.span().start, message)) }
    }

    pub(super) fn host(&self, host: &Spanned<String>) -> Result<BaseUrl, Error> {
        BaseUrl::listed(host.get_ref()).map_err(|error| self.error(host.span().start, &error.to_string()))
    }
}
