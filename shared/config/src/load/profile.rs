//! `[profile.NAME]` in `config.toml`.

use claude_credential_protocol::Error;
use serde::Deserialize;
use toml::Spanned;

use super::text::ConfigText;
use crate::Folders;
use crate::model::{Config, Profile};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    hosts: Option<Spanned<Vec<Spanned<String>>>>,
    chain: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    directories: Vec<Spanned<String>>,
    claude_config_dir: Option<Spanned<String>>,
    ttl: Option<Spanned<String>>,
}

impl ConfigText<'_> {
    pub(super) fn profile(
        &self,
        name: &Spanned<String>,
        raw: RawProfile,
        config: &Config,
        folders: &Folders,
    ) -> Result<Profile, Error> {
        self.name("profile", name)?;
        let RawProfile { hosts, chain, directories, claude_config_dir, ttl } = raw;
        let mut profile = Profile { ttl: self.ttl(ttl)?, ..Profile::built_in(name.get_ref()) };
        if let Some(hosts) = hosts {
            profile.hosts = hosts.get_ref().iter().map(|host| self.host(host)).collect::<Result<_, _>>()?;
            if profile.hosts.is_empty() {
                return Err(
                    self.error(hosts.span().start, "`hosts` is empty; list at least one host, or remove the line")
                );
            }
        }
        if let Some(chain) = chain {
            let known = |entry: Spanned<String>| {
                if config.has_entry(entry.get_ref()) {
                    return Ok(entry.into_inner());
                }
                let message = "`chain` names an entry that is neither built in nor in this file; add [entry.NAME]";
                Err(self.error(entry.span().start, message))
            };
            profile.chain = chain.into_iter().map(known).collect::<Result<_, _>>()?;
        }
        let listed = |folder| self.absolute(folder, folders, "each of `directories` begins with / or ~/");
        profile.directories = directories.iter().map(listed).collect::<Result<_, _>>()?;
        let own = |folder| self.absolute(folder, folders, "`claude_config_dir` begins with / or ~/");
        profile.claude_config_dir = claude_config_dir.as_ref().map(own).transpose()?;
        Ok(profile)
    }
}
