use std::path::PathBuf;
use std::process::Command;

use claude_credential_config::{Environment, Profile};
use claude_credential_process::CLIENT_SECRETS;
use claude_credential_protocol::{Error, Family, Surroundings, Variables};

use super::destination::CommandDestination;
use crate::chain::Resolved;
use crate::client::cloud::Cloud;
use crate::commands::print::{environment_after, family, leads_elsewhere};
use crate::os;
use crate::query::Query;

const API_KEY: &str = "ANTHROPIC_API_KEY";

/// The changes that make this process's environment that of the command.
#[derive(Debug)]
pub(super) struct CommandEnvironment {
    /// The family of the credential's variables; `None` if Claude Code is to use its own login.
    pub(super) family: Option<Family>,
    pub(super) variables: Variables,
    claude_config_dir: Option<PathBuf>,
}

impl CommandEnvironment {
    /// With the credential of `answer`, and without any other.
    pub(super) fn with(
        query: &Query,
        answer: &Resolved,
        destination: &CommandDestination,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let family = family(query, answer);
        let variables = Variables::of(family, &answer.credential, surroundings);
        let mut variables =
            variables.map_err(|error| Error::new(error.class(), format!("entry {}: {error}", answer.entry)))?;
        let cloud = Cloud::of_family(family);
        let base_url = destination.variable(&query.profile, cloud)?;
        variables.set.extend(base_url.map(|(name, url)| (name, url.into())));
        let mut environment = Self::of(Some(family), variables, &query.profile);
        // A token for a cloud goes to the cloud's own host only if the profile lists that.
        if let (Some(cloud), Family::Vertex | Family::BedrockKey) = (cloud, family)
            && leads_elsewhere(&query.profile, &environment.variables, destination.environment())
        {
            let url = query.profile.hosts[0].to_string();
            environment.variables.set.push((cloud.service().base_url(), url.into()));
        }
        Ok(environment)
    }

    /// Without any credential, so that Claude Code uses its own login in the profile's folder.
    pub(super) fn without(profile: &Profile, surroundings: &Surroundings) -> Self {
        Self::of(None, Variables::none(surroundings), profile)
    }

    fn of(family: Option<Family>, variables: Variables, profile: &Profile) -> Self {
        Self { family, variables, claude_config_dir: profile.claude_config_dir.clone() }
    }

    /// The environment of the command, if this process has `here`.
    pub(super) fn after(&self, here: &Environment) -> Environment {
        environment_after(&self.variables, here)
    }

    /// Moves a key from its variable to a descriptor. Claude Code asks at the terminal whether it may use a key in the
    /// variable, with "no" as the default, and then says "Not logged in"; of the descriptor it asks nothing.
    pub(super) fn by_descriptor(mut self) -> Result<Self, Error> {
        const DESCRIPTOR: &str = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR";
        let Variables { set, removed } = &mut self.variables;
        let Some(at) = set.iter().position(|(name, _)| *name == API_KEY) else { return Ok(self) };
        let (_, key) = set.remove(at);
        let number = os::descriptor_with(key.expose().as_bytes());
        let number = number.map_err(|error| Error::unavailable(format!("the key can't be handed over: {error}")))?;
        removed.retain(|name| *name != DESCRIPTOR);
        removed.push(API_KEY);
        set.push((DESCRIPTOR, number.to_string().into()));
        Ok(self)
    }

    pub(super) fn apply(self, command: &mut Command) {
        let Self { family: _, variables: Variables { set, removed }, claude_config_dir } = self;
        for name in removed.iter().chain(&CLIENT_SECRETS) {
            command.env_remove(name);
        }
        command.envs(set.iter().map(|(name, value)| (name, value.expose())));
        command.envs(claude_config_dir.map(|folder| ("CLAUDE_CONFIG_DIR", folder)));
    }
}
