//! Reads `config.toml`.

mod entry;
mod profile;
mod provider;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use claude_credential_files::{Trust, read};
use claude_credential_protocol::Error;
use claude_credential_protocol::text::shown_path;
use serde::Deserialize;
use toml::Spanned;

use crate::Folders;
use crate::key_store::KeyStore;
use crate::model::{ClaudeLogin, Config, Entry, Program};

use entry::RawEntry;
use profile::RawProfile;
use provider::RawProvider;
use text::ConfigText;

/// No configuration that a person writes comes near this.
const MAX_CONFIG: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    ttl: Option<Spanned<String>>,
    key_store: Option<Spanned<String>>,
    claude: Option<Claude>,
    #[serde(default)]
    profile: BTreeMap<Spanned<String>, RawProfile>,
    #[serde(default)]
    entry: BTreeMap<Spanned<String>, RawEntry>,
    #[serde(default)]
    provider: BTreeMap<Spanned<String>, RawProvider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claude {
    login: Option<Spanned<String>>,
}

impl Config {
    /// The configuration in `explicit`, which must be there, or in the user's `config.toml`, which need not.
    pub fn load(folders: &Folders, explicit: Option<&Path>) -> Result<Self, Error> {
        let own = folders.config.join("config.toml");
        let path = explicit.unwrap_or(&own);
        match read(path, Trust::Settings, MAX_CONFIG)? {
            Some(bytes) => Self::parse(&bytes, path, folders),
            None if explicit.is_some() => Err(Error::config(format!("--config: {} is not there", shown_path(path)))),
            None => Ok(Self::built_in()),
        }
    }

    /// The configuration that the file `path` would be if it said `bytes`.
    pub fn parse(bytes: &[u8], path: &Path, folders: &Folders) -> Result<Self, Error> {
        let shown = shown_path(path);
        let text = std::str::from_utf8(bytes).map_err(|_| Error::config(format!("{shown} is not UTF-8")))?;
        let text = ConfigText { shown, text };
        let file: File = toml::from_str(text.text)
            .map_err(|error| text.error(error.span().map_or(0, |span| span.start), &without_values(error.message())))?;
        let File { ttl, key_store, claude, profile, entry, provider } = file;
        let mut config =
            Self { file: Some(path.to_owned()), text: text.text.to_owned(), ttl: text.ttl(ttl)?, ..Self::built_in() };
        config.key_store = text.choice("key_store", key_store.as_ref(), &KeyStore::NAMES)?.unwrap_or_default();
        let logins = [("report", ClaudeLogin::Report), ("read", ClaudeLogin::Read)];
        let login = claude.and_then(|claude| claude.login);
        config.claude_login = text.choice("login", login.as_ref(), &logins)?.unwrap_or_default();
        for (name, raw) in provider {
            text.name("provider", &name)?;
            let provider = text.provider(&name, raw, folders, config.key_store)?;
            if provider.default
                && let Some(other) = config.default_provider()
            {
                let message = format!("[provider.{}] is the default already; there is one at most", other.name);
                return Err(text.error(name.span().start, &message));
            }
            let helper = Program::Helper {
                name: "oauth".to_owned(),
                args: vec!["--provider".to_owned(), name.get_ref().clone()],
            };
            let place_of = Some(text.of(name.span().start));
            // Where tokens are kept, and nothing else, decides which one a person's sign-in gives.
            let folders_alone = || vec!["HOME".to_owned(), "XDG_DATA_HOME".to_owned()];
            let vary = provider.flow.is_for_people().then(folders_alone);
            let entry = Entry { place: place_of, vary, ..Entry::new(name.get_ref(), helper) };
            config.entries.insert(name.get_ref().clone(), entry);
            config.providers.insert(name.into_inner(), provider);
        }
        for (name, raw) in entry {
            config.entries.insert(name.get_ref().clone(), text.entry(&name, raw)?);
        }
        for (name, raw) in profile {
            let profile = text.profile(&name, raw, &config, folders)?;
            config.profiles.insert(profile.name.clone(), profile);
        }
        Ok(config)
    }
}

/// What the parser says, without the values that it quotes: one of them may be a secret in the wrong place.
fn without_values(message: &str) -> String {
    let quotes_value = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match (quotes_value, message.split_once(": "), message.rsplit_once(", expected ")) {
        (true, Some((problem, _)), Some((_, expected))) => format!("{problem}, expected {expected}"),
        _ => message.lines().next().unwrap_or_default().to_owned(),
    }
}
